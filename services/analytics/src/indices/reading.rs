//! Reads cells of all units and periods and folds them into sums per leaf.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use analytics_domain::{
    answer::KINDS_BLOCK,
    cell::Column,
    index::{
        definition::{Measure, ServiceFigure, Statistic},
        leaf::Moments,
    },
    plan::Table,
};
use jiff::tz::TimeZone;
use kit::{directory::OrgView, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    Asked, Drawn,
    leaves::{Layout, Scores},
    targets::Targets,
};
use crate::store::{
    answer_sums, buckets,
    sums::{self, Items, Scan, Sites},
};

/// Sums of all rows: `row × width + place`.
pub struct Sums {
    moments: Vec<Moments>,
    /// Services given and rated, by row.
    services: Vec<(i64, i64)>,
    /// Counts per score, by row and place, when answers will be drawn again.
    drawn: Option<HashMap<(usize, usize), Drawn>>,
    counted: BTreeMap<(Uuid, i32), BTreeSet<String>>,
    periods: usize,
}

impl Sums {
    /// Nothing read yet.
    pub fn new(asked: &Asked, layout: &Layout, units: usize) -> Self {
        let periods = asked.periods.days.len();
        let rows = units * periods;
        Self {
            moments: vec![Moments::default(); rows * layout.width],
            services: vec![(0, 0); rows],
            drawn: (asked.resamples > 0).then(HashMap::new),
            counted: BTreeMap::new(),
            periods,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.services.len()
    }

    /// The sums of a row.
    pub fn of_row(&self, row: usize, width: usize) -> &[Moments] {
        &self.moments[row * width..(row + 1) * width]
    }

    /// Rated ÷ served of a row.
    pub fn coverage(&self, row: usize) -> Option<f64> {
        let (served, rated) = self.services[row];
        (served > 0).then(|| rated as f64 / served as f64)
    }

    /// Scores with their counts, for drawing again.
    pub fn drawn(&self, row: usize, place: usize) -> Vec<(f64, i64)> {
        let found = self.drawn.as_ref().and_then(|drawn| drawn.get(&(row, place)));
        let scores = found.into_iter().flatten().filter(|(_, count)| **count > 0);
        scores.map(|(score, count)| (*score as f64 / 1e9, *count)).collect()
    }

    /// Items of questionnaires that were counted.
    pub fn counted(&self) -> &BTreeMap<(Uuid, i32), BTreeSet<String>> {
        &self.counted
    }

    fn add(
        &mut self,
        width: usize,
        (row, place): (usize, usize),
        scores: &Scores,
        counts: &[i64],
        anonymous: bool,
    ) {
        let sums = &mut self.moments[row * width + place];
        for (score, count) in scores.iter().zip(counts) {
            if let (Some(score), true) = (score, *count != 0) {
                sums.add(*score, *count);
                sums.anonymous |= anonymous;
                if let Some(drawn) = &mut self.drawn {
                    *drawn.entry((row, place)).or_default().entry(*score).or_default() += count;
                }
            }
        }
    }

    /// Folds answers in.
    pub fn add_answers(
        &mut self,
        answers: &[answer_sums::Sum],
        targets: &Targets,
        layout: &Layout,
        asked: &Asked,
    ) {
        for sum in answers {
            if sum.block == KINDS_BLOCK
                || sum.suspect && !asked.definition.filter.include_distrusted
            {
                continue;
            }
            let Some(period) = asked.periods.place(sum.bucket) else { continue };
            let Some(class) = layout.class(sum.class) else { continue };
            let places = layout.of_question(sum.questionnaire, sum.version, &sum.item, sum.block);
            if places.is_empty() {
                continue;
            }
            let items = self.counted.entry((sum.questionnaire, sum.version)).or_default();
            if !items.contains(&sum.item) {
                items.insert(sum.item.clone());
            }
            for (first, scores) in places {
                for unit in targets.above(sum.unit) {
                    let at = (unit * self.periods + period, first + class);
                    self.add(layout.width, at, scores, &sum.counts, sum.anonymous);
                }
            }
        }
    }

    fn add_rating(
        &mut self,
        sum: &sums::Sum,
        units: &[usize],
        period: usize,
        layout: &Layout,
        include_distrusted: bool,
    ) {
        if sum.what.is_encounters() {
            for unit in units {
                self.add_services(sum, unit * self.periods + period, layout);
            }
            return;
        }
        if sum.what.class != 0 && !include_distrusted {
            return;
        }
        for (place, scores) in layout.of_rating(sum.what.template, &sum.what.item, sum.what.block) {
            for unit in units {
                let at = (unit * self.periods + period, *place);
                self.add(layout.width, at, scores, &sum.counts.grades, false);
            }
        }
    }

    fn add_services(&mut self, sum: &sums::Sum, row: usize, layout: &Layout) {
        let get = |column: Column| sum.counts.get(column);
        let (served, rated) = &mut self.services[row];
        *served += get(Column::Served);
        *rated += get(Column::Rated);
        for (figure, place) in layout.figures() {
            let (part, whole) = match figure {
                ServiceFigure::Coverage => (get(Column::Rated), get(Column::Served)),
                ServiceFigure::PromptRate => (get(Column::Prompted), get(Column::Served)),
                ServiceFigure::ServiceS => (get(Column::ServiceMs), get(Column::ServiceN)),
                ServiceFigure::WaitingS => (get(Column::WaitingMs), get(Column::WaitingN)),
                ServiceFigure::NoShow => (get(Column::NoShow), get(Column::Encounters)),
            };
            let sums = &mut self.moments[row * layout.width + place];
            sums.n = sums.n.saturating_add(whole);
            sums.sum = sums.sum.saturating_add(part.into());
        }
    }
}

/// The month or day of a row, where time is cut.
fn bucket(asked: &Asked, table: Table) -> Option<String> {
    let expression = |bucket| buckets::expression(table, bucket, asked.days, &TimeZone::UTC, &[]);
    asked.periods.bucket().map(expression)
}

/// Reads cells of ratings and encounters into `sums`.
///
/// # Errors
/// TOO_MANY_BUCKETS when they are too many.
pub async fn ratings(
    conn: &impl ConnectionTrait,
    view: &OrgView,
    asked: &Asked,
    targets: &Targets,
    layout: &Layout,
    sums: &mut Sums,
) -> Result<()> {
    let include = asked.definition.filter.include_distrusted;
    if targets.is_staff {
        let mut scan = scan(view, asked, Table::Day, targets.sites.clone(), &[]);
        (scan.by_window, scan.by_staff) = (false, true);
        for sum in sums::read(conn, &scan).await? {
            let Some(period) = asked.periods.place(sum.bucket) else { continue };
            let unit: Vec<usize> = targets.place(sum.staff).into_iter().collect();
            sums.add_rating(&sum, &unit, period, layout, include);
        }
        return Ok(());
    }
    if targets.len() > targets.windows.len() {
        let scan = scan(view, asked, Table::SiteDay, targets.sites.clone(), &[]);
        for sum in sums::read(conn, &scan).await? {
            let Some(period) = asked.periods.place(sum.bucket) else { continue };
            sums.add_rating(&sum, targets.above(sum.site), period, layout, include);
        }
    }
    if !targets.windows.is_empty() {
        let scan = scan(view, asked, Table::Day, Sites::Any, &targets.windows);
        for sum in sums::read(conn, &scan).await? {
            let Some(period) = asked.periods.place(sum.bucket) else { continue };
            let unit: Vec<usize> = targets.place(sum.window).into_iter().collect();
            sums.add_rating(&sum, &unit, period, layout, include);
        }
    }
    Ok(())
}

fn scan(view: &OrgView, asked: &Asked, table: Table, sites: Sites, windows: &[Uuid]) -> Scan {
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
        table,
        org: view.id,
        sites,
        from: asked.days.0,
        to: asked.days.1,
        by_site: table == Table::SiteDay,
        by_window: table == Table::Day,
        by_staff: false,
        by_business_type: false,
        by_channel: false,
        bucket: bucket(asked, table),
        windows: windows.to_vec(),
        staff: Vec::new(),
        business_types: Vec::new(),
        channels: Vec::new(),
        templates: if all_templates { Vec::new() } else { templates.into_iter().collect() },
        items: if all_items { Items::All } else { Items::Overall },
    }
}

/// Reads cells of the answers that leaves need; none when no leaf is a question.
///
/// # Errors
/// TOO_MANY_BUCKETS when they are too many.
pub async fn answers(
    conn: &impl ConnectionTrait,
    view: &OrgView,
    asked: &Asked,
    targets: &Targets,
) -> Result<Vec<answer_sums::Sum>> {
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
    if questionnaires.is_empty() || targets.is_staff {
        return Ok(Vec::new());
    }
    let filter = &asked.definition.filter;
    let scan = answer_sums::Scan {
        org: view.id,
        sites: targets.answer_sites.clone(),
        unit: None,
        from: asked.days.0,
        to: asked.days.1,
        by_unit: true,
        by_staff: false,
        by_campaign: false,
        by_class: !asked.definition.class_weights.is_empty(),
        by_channel: false,
        options: false,
        bucket: bucket(asked, Table::Answers),
        staff: Vec::new(),
        channels: filter.channels.clone(),
        questionnaires: questionnaires.into_iter().collect(),
        versions: Vec::new(),
        classes: Vec::new(),
        campaigns: filter.campaigns.clone(),
        items: items.into_iter().collect(),
    };
    answer_sums::read(conn, &scan).await
}
