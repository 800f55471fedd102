//! Figures of answers to questionnaires: the same questions, intervals and comparisons as for
//! ratings, from their own cells. Small groups of anonymous answers are hidden.

mod fold;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use analytics_domain::{
    answer::{self, Version},
    figure::{Templates, differences, figure},
    period::{Compare, Period, bucket_span},
    plan::{self, Group},
    suppression::{self, Hidden},
    time::Bucket,
};
use jiff::tz::TimeZone;
use kit::{db::Db, directory::OrgView, error::Result};
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    figures::{
        Answer, AnswerCounts, Earlier, Key, Question, Row, Scope, Slots, check_buckets, refused,
        zone,
    },
    freshness::Freshness,
    store::{
        answer_sums::{self, Scan},
        buckets, placements,
        questionnaires::{self, Versions},
        snapshot,
        sums::too_many,
    },
};
use fold::{Count, Fold, Folded};

/// Answers questions about answers. Cheap to clone.
#[derive(Clone)]
pub struct AnswerFigures {
    db: Db,
    versions: Arc<questionnaires::Cache>,
    placements: Arc<placements::Cache>,
    freshness: Freshness,
    slots: Slots,
}

/// What all scans of a question share.
struct Reading<'a> {
    question: &'a Question,
    view: &'a OrgView,
    scope: Scope,
    zone: TimeZone,
}

struct Then {
    compare: Compare,
    rows: (Period, Folded),
    whole: Option<(Period, Folded)>,
}

impl AnswerFigures {
    /// Reads from `db`.
    pub fn new(
        db: Db,
        versions: Arc<questionnaires::Cache>,
        placements: Arc<placements::Cache>,
        freshness: Freshness,
        slots: Slots,
    ) -> Self {
        Self { db, versions, placements, freshness, slots }
    }

    /// Answers `question` about the organisation `view`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the reason why a question cannot be answered, OVERLOADED when too
    /// many are asked.
    pub async fn answer(&self, view: &OrgView, question: &Question) -> Result<Answer> {
        let zone_name = question.zone_name(view);
        let zone = zone(&zone_name)?;
        let period = question.period(&zone)?;
        let bucket = question.bucket();
        check_buckets(&period, bucket, &zone)?;
        let _slot = self.slots.enter().await?;

        let snapshot = snapshot(&self.db).await?;
        let conn = snapshot.conn();
        let mark = self.freshness.mark(conn).await?;
        let placements = self.placements.get(conn, view.id).await?;
        let scope = Scope::of(view, question, placements);
        let zones = scope.zones(question, &zone_name, &period);
        plan::check_answers(&plan::Question {
            groups: &question.groups,
            detail: false,
            over_windows: false,
            period: &period,
            zones,
        })
        .map_err(refused)?;
        let reading = Reading { question, view, scope, zone };
        let now = reading.read(conn, &period, bucket).await?;
        let then = match question.compare {
            Some(compare) => Some(reading.earlier(conn, compare, &period, bucket).await?),
            None => None,
        };
        let classes = match question.groups.contains(&Group::CustomerClass) {
            true => questionnaires::classes(conn, view.id).await?,
            false => Vec::new(),
        };
        let classes = classes.iter().filter_map(|class| Some((class.id, class.shown()?)));
        let classes = classes.collect();
        snapshot.end().await?;

        let versions = self.versions.with(&self.db, view.id, used(&now, then.as_ref())).await?;
        let meanings = Meanings::of(&versions);
        let (rows, total) = compute(&reading, bucket, &now, then.as_ref(), &meanings);
        let zone = if zones == plan::Zones::OwnDays { String::new() } else { zone_name };
        let find = |questionnaire, version| versions.get(&(questionnaire, version));
        Ok(Answer {
            rows,
            total,
            mark,
            period,
            zone,
            definition: definition(&versions, &now, then.as_ref()),
            templates: Arc::default(),
            joined: answer::joined(&now.counted, find),
            classes,
        })
    }
}

impl Reading<'_> {
    async fn read(
        &self,
        conn: &impl ConnectionTrait,
        period: &Period,
        bucket: Option<Bucket>,
    ) -> Result<Folded> {
        let mut fold = Fold::new(self.view, self.question, &self.scope, bucket.is_some());
        for sum in answer_sums::read(conn, &self.scan(period, bucket)?).await? {
            fold.add(&sum);
        }
        let folded = fold.end();
        if folded.groups.len() > self.question.row_limit {
            return Err(too_many());
        }
        Ok(folded)
    }

    fn scan(&self, period: &Period, bucket: Option<Bucket>) -> Result<Scan> {
        let (question, filter) = (self.question, &self.question.filter);
        let has = |group| question.groups.contains(&group);
        let (from, to) = period.days.ok_or_else(|| refused(plan::Refusal::NotOfAnswers))?;
        let table = plan::Table::Answers;
        let expression = |b| buckets::expression(table, b, (from, to), &self.zone, &[]);
        let items = Some(filter.item.clone()).filter(|item| !item.is_empty());
        Ok(Scan {
            org: self.view.id,
            sites: self.scope.sites(&[], &filter.staff),
            unit: self.scope.is_window.then_some(question.unit),
            from,
            to,
            by_site: has(Group::Unit),
            by_unit: has(Group::Unit),
            by_staff: has(Group::Staff),
            by_campaign: has(Group::Campaign),
            by_class: has(Group::CustomerClass),
            by_channel: has(Group::Channel),
            options: has(Group::Choice),
            bucket: bucket.map(expression),
            staff: filter.staff.clone(),
            channels: filter.channels.clone(),
            questionnaires: filter.questionnaires.clone(),
            versions: filter.versions.clone(),
            classes: filter.customer_classes.clone(),
            campaigns: filter.campaigns.clone(),
            items: items.into_iter().collect(),
        })
    }

    async fn earlier(
        &self,
        conn: &impl ConnectionTrait,
        compare: Compare,
        period: &Period,
        bucket: Option<Bucket>,
    ) -> Result<Then> {
        let whole = self.question.earlier_of(compare, period, &self.zone);
        let Some(bucket) = bucket else {
            let folded = self.read(conn, &whole, None).await?;
            return Ok(Then { compare, rows: (whole, folded), whole: None });
        };
        let rows = compare.by_bucket(period, bucket, &self.zone);
        let of_rows = self.read(conn, &rows, Some(bucket)).await?;
        let of_whole = self.read(conn, &whole, None).await?;
        Ok(Then { compare, rows: (rows, of_rows), whole: Some((whole, of_whole)) })
    }
}

/// What grades of items mean, under the ids that counts use.
struct Meanings {
    templates: Templates,
}

impl Meanings {
    fn of(versions: &Versions) -> Self {
        let mut templates = Templates::new();
        for version in versions.values() {
            for item in &version.items {
                let id = fold::item_id(version.questionnaire, version.version, &item.id);
                if let Some(template) = item.template(id) {
                    templates.insert(id, Arc::new(template));
                }
            }
        }
        Self { templates }
    }
}

fn compute(
    reading: &Reading<'_>,
    bucket: Option<Bucket>,
    now: &Folded,
    then: Option<&Then>,
    meanings: &Meanings,
) -> (Vec<Row>, Row) {
    let hidden = hide(now);
    let hidden_then =
        then.map(|then| (hide(&then.rows.1), then.whole.as_ref().map(|w| hide(&w.1))));
    let confidence = reading.question.confidence;
    let of = |count: &Count| figure(&count.tally, &meanings.templates, confidence);
    let nothing = Count::default();
    let row = |(index, (key, count)): (usize, (&Key, &Count))| {
        if hidden.groups[index] {
            return suppressed(key.clone());
        }
        let figure = of(count);
        let earlier = then.zip(hidden_then.as_ref()).and_then(|(then, (hidden, _))| {
            let (period, folded) = &then.rows;
            let before = key.earlier(then.compare, bucket);
            let place = folded.groups.keys().position(|key| *key == before);
            if place.is_some_and(|place| hidden.groups[place]) {
                return None;
            }
            let span = match (bucket, before.bucket()) {
                (Some(bucket), Some(number)) => bucket_span(period, bucket, number, &reading.zone),
                _ => (period.from_us, period.to_us),
            };
            let earlier = of(folded.groups.get(&before).unwrap_or(&nothing));
            let differences = differences(&figure, &earlier, confidence);
            Some(Earlier { from_us: span.0, to_us: span.1, figure: earlier, differences })
        });
        let answers = Some(count.counts());
        let numbers = count.numbers().map(|numbers| numbers.mean(confidence));
        Row { key: key.clone(), figure, earlier, answers, numbers, suppressed: false }
    };
    let rows = now.groups.iter().enumerate().map(row).collect();
    if hidden.total {
        return (rows, suppressed(Key::default()));
    }
    let figure = of(&now.total);
    let earlier = then.zip(hidden_then.as_ref()).and_then(|(then, (of_rows, of_whole))| {
        let (period, folded) = then.whole.as_ref().unwrap_or(&then.rows);
        if of_whole.as_ref().unwrap_or(of_rows).total {
            return None;
        }
        let earlier = of(&folded.total);
        let differences = differences(&figure, &earlier, confidence);
        let (from_us, to_us) = (period.from_us, period.to_us);
        Some(Earlier { from_us, to_us, figure: earlier, differences })
    });
    let answers = Some(now.total.counts());
    let numbers = now.total.numbers().map(|numbers| numbers.mean(confidence));
    (rows, Row { key: Key::default(), figure, earlier, answers, numbers, suppressed: false })
}

fn hide(folded: &Folded) -> Hidden {
    let groups: Vec<suppression::Group> = folded.groups.values().map(Count::group).collect();
    // A single row is the total: there is nothing to subtract from.
    if let [only] = groups[..]
        && only.respondents == folded.total.group().respondents
    {
        let hidden = suppression::hide(&[], only);
        return Hidden { groups: vec![hidden.total], total: hidden.total };
    }
    suppression::hide(&groups, folded.total.group())
}

fn suppressed(key: Key) -> Row {
    let figure = figure(&Count::default().tally, &Templates::new(), 0.95);
    let answers = Some(AnswerCounts::default());
    Row { key, figure, earlier: None, answers, numbers: None, suppressed: true }
}

fn used<'a>(now: &'a Folded, then: Option<&'a Then>) -> impl Iterator<Item = (Uuid, i32)> + 'a {
    let then = then
        .into_iter()
        .flat_map(|then| then.whole.iter().map(|(_, folded)| folded).chain([&then.rows.1]));
    then.chain([now]).flat_map(|folded| folded.counted.keys().copied())
}

fn definition(versions: &Versions, now: &Folded, then: Option<&Then>) -> String {
    let keys: BTreeSet<(Uuid, i32)> = used(now, then).collect();
    let found: Vec<&Version> = keys.iter().filter_map(|key| versions.get(key)).collect();
    let digest = Sha256::digest(answer::canonical(found));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Items that were counted, by questionnaire and version.
type Counted = BTreeMap<(Uuid, i32), BTreeSet<String>>;
