//! Reads the cells and packs of all units and periods and folds them into sums per leaf. Sites
//! are read from packs; windows, staff and parts of months from cells, in bounded batches.

use std::{collections::BTreeSet, ops::Range};

use analytics_domain::{
    answer::KINDS_BLOCK,
    index::definition::{Measure, Statistic},
    pack,
    plan::Table,
    time::Bucket,
};
use jiff::tz::TimeZone;
use kit::{directory::OrgView, error::Result};
use sea_orm::{ConnectionTrait, StreamTrait};
use uuid::Uuid;

use super::{Asked, leaves::Layout, packed, sums::Sums, targets::Targets};
use crate::store::{
    answer_sums, buckets,
    sums::{self, Items, Scan, Sites},
};

/// About so many sums are read in one statement.
const SUMS_MAX: usize = 200_000;
/// Most windows or sites in one statement.
const LIST_MAX: usize = 500;

/// The month or day of a row, where time is cut.
fn bucket(asked: &Asked, days: (i32, i32), table: Table) -> Option<String> {
    let expression = |bucket| buckets::expression(table, bucket, days, &TimeZone::UTC, &[]);
    asked.periods.bucket().map(expression)
}

/// Reads ratings and encounters into `sums`.
///
/// # Errors
/// TOO_MANY_BUCKETS when they are too many.
pub async fn ratings(
    conn: &(impl ConnectionTrait + StreamTrait),
    view: &OrgView,
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) -> Result<()> {
    if targets.is_staff {
        let mut scan = scan(view, asked, targets.sites.clone(), &[]);
        (scan.by_window, scan.by_staff) = (false, true);
        for sum in sums::read(conn, &scan).await? {
            add_rating(&sum, targets.place(sum.staff), asked, layout, sums);
        }
        return Ok(());
    }
    if targets.len() > targets.windows.len() {
        packed::ratings(conn, view.id, asked, targets, layout, sums).await?;
    }
    let of_one = asked.periods.days.len() * (layout.leaves.len() + 1);
    let list = (SUMS_MAX / of_one.max(1)).clamp(1, LIST_MAX);
    for windows in targets.windows.chunks(list) {
        let scan = scan(view, asked, Sites::Any, windows);
        for sum in sums::read(conn, &scan).await? {
            add_rating(&sum, targets.place(sum.window), asked, layout, sums);
        }
    }
    Ok(())
}

fn add_rating(
    sum: &sums::Sum,
    unit: Option<usize>,
    asked: &Asked,
    layout: &Layout,
    sums: &mut Sums,
) {
    let (Some(unit), Some(period)) = (unit, asked.periods.place(sum.bucket)) else { return };
    let what = &sum.what;
    if what.is_encounters() {
        sums.add_services(&[unit], period, &sum.counts, layout);
    } else if what.class == 0 || asked.definition.filter.include_distrusted {
        for place in layout.of_rating(what.template, &what.item, what.block) {
            sums.add_grades(&[unit], period, place, &sum.counts.grades, false);
        }
    }
}

/// Windows, or staff, by day.
fn scan(view: &OrgView, asked: &Asked, sites: Sites, windows: &[Uuid]) -> Scan {
    let mut templates = BTreeSet::new();
    let (mut all_templates, mut all_items) = (false, false);
    for leaf in asked.definition.nodes.iter().filter_map(|node| node.leaf.as_ref()) {
        if let Measure::Rating { templates: wanted, item, .. } = &leaf.measure {
            all_templates |= wanted.is_empty();
            all_items |= !item.is_empty();
            templates.extend(wanted.iter().copied());
        }
    }
    Scan {
        table: Table::Day,
        org: view.id,
        sites,
        from: asked.days.0,
        to: asked.days.1,
        by_site: false,
        by_window: true,
        by_staff: false,
        by_business_type: false,
        by_channel: false,
        bucket: bucket(asked, asked.days, Table::Day),
        windows: windows.to_vec(),
        staff: Vec::new(),
        business_types: Vec::new(),
        channels: Vec::new(),
        templates: if all_templates { Vec::new() } else { templates.into_iter().collect() },
        items: if all_items { Items::All } else { Items::Overall },
    }
}

/// Reads the answers that leaves need into `sums`; none when no leaf is a question.
///
/// # Errors
/// TOO_MANY_BUCKETS when they are too many.
pub async fn answers(
    conn: &(impl ConnectionTrait + StreamTrait),
    view: &OrgView,
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) -> Result<()> {
    let wanted = wanted(asked);
    if wanted.questionnaires.is_empty() || targets.is_staff {
        return Ok(());
    }
    let parts: Vec<Range<i32>> = if asked.periods.bucket() == Some(Bucket::Day) {
        std::iter::once(asked.days.0..asked.days.1).collect()
    } else {
        let cut = pack::cut(asked.days);
        packed::answers(conn, view.id, asked, cut.whole, targets, layout, sums).await?;
        cut.rest
    };
    for days in parts {
        for sites in targets.answer_list.chunks(LIST_MAX) {
            let sites = Sites::List(sites.to_vec());
            let scan = answer_scan(view, asked, &wanted, sites, (days.start, days.end));
            for sum in answer_sums::read(conn, &scan).await? {
                add_answer(&sum, asked, targets, layout, sums);
            }
        }
    }
    Ok(())
}

fn add_answer(
    sum: &answer_sums::Sum,
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) {
    if sum.block == KINDS_BLOCK || sum.suspect && !asked.definition.filter.include_distrusted {
        return;
    }
    let Some(period) = asked.periods.place(sum.bucket) else { return };
    let Some(class) = layout.class(sum.class) else { return };
    let places = layout.of_question(sum.questionnaire, sum.version, &sum.item, sum.block);
    let units: Vec<usize> = targets.above_answers(sum.site, sum.unit).collect();
    if places.is_empty() || units.is_empty() {
        return;
    }
    sums.note(sum.questionnaire, sum.version, &sum.item);
    for (first, scores) in places {
        sums.add_grades(&units, period, &(first + class, *scores), &sum.counts, sum.anonymous);
    }
}

/// What of questionnaires is needed.
struct Wanted {
    questionnaires: Vec<Uuid>,
    items: Vec<String>,
}

fn wanted(asked: &Asked) -> Wanted {
    let (mut questionnaires, mut items) = (BTreeSet::new(), BTreeSet::new());
    for leaf in asked.definition.nodes.iter().filter_map(|node| node.leaf.as_ref()) {
        if let Measure::Question { questionnaire, item, statistic } = &leaf.measure {
            questionnaires.insert(*questionnaire);
            if *statistic == Statistic::Csd {
                items.extend(["perceived", "expected"].map(|side| format!("{item}/{side}")));
            } else {
                items.insert(item.clone());
            }
        }
    }
    Wanted {
        questionnaires: questionnaires.into_iter().collect(),
        items: items.into_iter().collect(),
    }
}

fn answer_scan(
    view: &OrgView,
    asked: &Asked,
    wanted: &Wanted,
    sites: Sites,
    days: (i32, i32),
) -> answer_sums::Scan {
    let filter = &asked.definition.filter;
    answer_sums::Scan {
        org: view.id,
        sites,
        unit: None,
        from: days.0,
        to: days.1,
        by_site: true,
        by_unit: true,
        by_staff: false,
        by_campaign: false,
        by_class: !asked.definition.class_weights.is_empty(),
        by_channel: false,
        options: false,
        bucket: bucket(asked, days, Table::Answers),
        staff: Vec::new(),
        channels: filter.channels.clone(),
        questionnaires: wanted.questionnaires.clone(),
        versions: Vec::new(),
        classes: Vec::new(),
        campaigns: filter.campaigns.clone(),
        items: wanted.items.clone(),
    }
}
