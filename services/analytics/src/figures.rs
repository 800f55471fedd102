//! Answers questions about figures: finds the cells that the question needs, sums them by the
//! groups asked for and computes. Knows nothing of requests and callers.

mod answer;
mod fold;
mod packed;
mod question;
mod scope;
mod slots;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use analytics_domain::{
    figure::{Figure, Tally, Templates, differences, figure},
    period::{Compare, Period, bucket_span},
    plan::{self, Refusal, Table},
    template,
    time::{Bucket, stretches},
};
use jiff::tz::TimeZone;
use kit::{
    db::Db,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::common::v1::Reason;
use sea_orm::{ConnectionTrait, StreamTrait};
use sha2::{Digest, Sha256};
use tonic::Code;
use uuid::Uuid;

pub use answer::{Answer, AnswerCounts, Earlier, Row};
pub use fold::{Key, Part};
pub use question::{Filter, Question, zone};
pub use scope::Scope;
pub use slots::Slots;

use crate::{
    freshness::Freshness,
    store::{
        buckets, placements, snapshot,
        sums::{self, Items, Scan, too_many},
        templates,
    },
};

/// Most rows of an answer, and most buckets of time.
pub const ROWS_MAX: usize = 10_000;
/// Most changes of a zone's offset in one question.
const STRETCHES_MAX: usize = 2_000;

/// Answers questions. Cheap to clone.
#[derive(Clone)]
pub struct Figures {
    db: Db,
    templates: Arc<templates::Cache>,
    placements: Arc<placements::Cache>,
    freshness: Freshness,
    slots: Slots,
}

/// The cells of one period, folded.
struct Folded {
    groups: BTreeMap<Key, Tally>,
    total: Tally,
}

/// What all scans of a question share.
struct Reading<'a> {
    question: &'a Question,
    view: &'a OrgView,
    scope: Scope,
    table: Table,
    zone: TimeZone,
    items: Items,
}

impl Figures {
    /// Reads from `db`.
    pub fn new(
        db: Db,
        templates: Arc<templates::Cache>,
        placements: Arc<placements::Cache>,
        freshness: Freshness,
        slots: Slots,
    ) -> Self {
        Self { db, templates, placements, freshness, slots }
    }

    /// Answers `question` about the organisation `view`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with the reason why a question cannot be answered, OVERLOADED when too
    /// many are asked.
    pub async fn answer(&self, view: &OrgView, question: &Question) -> Result<Answer> {
        let zone_name = question.zone_name(view);
        let zone = question::zone(&zone_name)?;
        let period = question.period(&zone)?;
        let bucket = question.bucket();
        check_buckets(&period, bucket, &zone)?;
        let _slot = self.slots.enter().await?;
        let items = self.items(view.id, question).await?;

        let snapshot = snapshot(&self.db).await?;
        let conn = snapshot.conn();
        let mark = self.freshness.mark(conn).await?;
        let placements = self.placements.get(conn, view.id).await?;
        let scope = Scope::of(view, question, placements);
        let zones = scope.zones(question, &zone_name, &period);
        let table = plan::choose(&plan::Question {
            groups: &question.groups,
            detail: question.needs_detail() || scope.is_window,
            over_windows: scope.over_windows,
            period: &period,
            zones,
        })
        .map_err(refused)?;
        let own_days = zones == plan::Zones::OwnDays && table == Table::Day;
        let reading = Reading { question, view, scope, table, zone, items };
        let now = reading.read(conn, &period, bucket).await?;
        let then = match question.compare {
            Some(compare) => Some(reading.earlier(conn, compare, &period, bucket).await?),
            None => None,
        };
        snapshot.end().await?;

        let templates = self.meanings(view.id, &now, then.as_ref()).await?;
        let definition = definition(&templates, &now, then.as_ref());
        let (rows, total) = compute(&reading, bucket, now, then, &templates);
        let zone = if own_days { String::new() } else { zone_name };
        let (joined, classes) = (Vec::new(), HashMap::new());
        Ok(Answer { rows, total, mark, period, zone, definition, templates, joined, classes })
    }

    async fn items(&self, org: Uuid, question: &Question) -> Result<Items> {
        let code = &question.filter.item;
        if code.is_empty() {
            let all = question.groups.contains(&plan::Group::Item);
            return Ok(if all { Items::All } else { Items::Overall });
        }
        let find = |templates: &Templates| -> Vec<Uuid> {
            let first = |t: &template::Template| t.items.first() == Some(code);
            templates.values().filter(|t| first(t)).map(|t| t.id).collect()
        };
        let mut overall_of = find(&*self.templates.get(&self.db, org).await?);
        if overall_of.is_empty() {
            overall_of = find(&*self.templates.reload(&self.db, org).await?);
        }
        Ok(Items::Code { code: code.clone(), overall_of })
    }

    /// Definitions of an organisation, with those of every rating that was read, if they came.
    async fn meanings(
        &self,
        org: Uuid,
        now: &Folded,
        then: Option<&Then>,
    ) -> Result<Arc<Templates>> {
        let known = self.templates.get(&self.db, org).await?;
        if used(now, then).all(|template| known.contains_key(&template)) {
            return Ok(known);
        }
        self.templates.reload(&self.db, org).await
    }
}

/// The earlier periods: one for the rows, and one for the total where rows are buckets of time.
struct Then {
    compare: Compare,
    rows: (Period, Folded),
    whole: Option<(Period, Folded)>,
}

impl Reading<'_> {
    async fn read(
        &self,
        conn: &(impl ConnectionTrait + StreamTrait),
        period: &Period,
        bucket: Option<Bucket>,
    ) -> Result<Folded> {
        let Some((from, to)) = self.range(period) else { return Err(refused(Refusal::OffQuarter)) };
        let scan = self.scan((from, to), bucket)?;
        let mut fold = fold::Fold::new(self.view, self.question, &self.scope, bucket.is_some());
        packed::sums(conn, &scan, bucket, |sum| fold.add(sum)).await?;
        let (groups, total) = fold.end();
        if groups.len() > self.question.row_limit {
            return Err(too_many());
        }
        Ok(Folded { groups, total })
    }

    fn range(&self, period: &Period) -> Option<(i32, i32)> {
        match self.table {
            Table::Quarter => period.quarters(),
            Table::SiteDay | Table::Day | Table::Answers => period.days,
        }
    }

    fn scan(&self, (from, to): (i32, i32), bucket: Option<Bucket>) -> Result<Scan> {
        let (question, filter) = (self.question, &self.question.filter);
        let has = |group| question.groups.contains(&group);
        let stretches = match (self.table, bucket) {
            (Table::Quarter, Some(_)) => {
                stretches(&self.zone, from, to, STRETCHES_MAX).ok_or_else(too_many)?
            }
            _ => Vec::new(),
        };
        let expression = |b| buckets::expression(self.table, b, (from, to), &self.zone, &stretches);
        let windows = self.scope.windows(filter);
        let by_unit = has(plan::Group::Unit);
        Ok(Scan {
            table: self.table,
            org: self.view.id,
            sites: self.scope.sites(&windows, &filter.staff),
            from,
            to,
            by_site: by_unit || (has(plan::Group::Window) && self.scope.has_foreign()),
            by_window: has(plan::Group::Window) || (by_unit && self.scope.over_windows),
            by_staff: has(plan::Group::Staff),
            by_business_type: has(plan::Group::BusinessType),
            by_channel: has(plan::Group::Channel),
            bucket: bucket.map(expression),
            windows,
            staff: filter.staff.clone(),
            business_types: filter.business_types.clone(),
            channels: filter.channels.clone(),
            templates: filter.templates.clone(),
            items: self.items.clone(),
        })
    }

    async fn earlier(
        &self,
        conn: &(impl ConnectionTrait + StreamTrait),
        compare: Compare,
        period: &Period,
        bucket: Option<Bucket>,
    ) -> Result<Then> {
        let whole = self.question.earlier_of(compare, period, &self.zone);
        let Some(bucket) = bucket.filter(|bucket| *bucket != Bucket::WeekdayHour) else {
            let folded = self.read(conn, &whole, bucket).await?;
            return Ok(Then { compare, rows: (whole, folded), whole: None });
        };
        let rows = compare.by_bucket(period, bucket, &self.zone);
        let of_rows = self.read(conn, &rows, Some(bucket)).await?;
        let of_whole = self.total_of(conn, &whole).await?;
        Ok(Then { compare, rows: (rows, of_rows), whole: Some((whole, of_whole)) })
    }

    /// The total of another period, without its groups.
    async fn total_of(
        &self,
        conn: &(impl ConnectionTrait + StreamTrait),
        period: &Period,
    ) -> Result<Folded> {
        let Some(range) = self.range(period) else { return Err(refused(Refusal::OffQuarter)) };
        let scan = Scan {
            by_site: false,
            by_window: false,
            by_staff: false,
            by_business_type: false,
            by_channel: false,
            // Each rating once, as the fold does it.
            items: match &self.items {
                Items::All => Items::Overall,
                other => other.clone(),
            },
            ..self.scan(range, None)?
        };
        let mut total = Tally::default();
        let include = self.question.filter.include_distrusted;
        let add = |sum: &sums::Sum| {
            total.add(&sum.what, &sum.counts, include);
            Ok(())
        };
        packed::sums(conn, &scan, None, add).await?;
        Ok(Folded { groups: BTreeMap::new(), total })
    }
}

fn compute(
    reading: &Reading<'_>,
    bucket: Option<Bucket>,
    now: Folded,
    then: Option<Then>,
    templates: &Templates,
) -> (Vec<Row>, Row) {
    let confidence = reading.question.confidence;
    let nothing = Tally::default();
    let earlier = |now: &Figure, then: &Tally, (from_us, to_us): (i64, i64)| {
        let figure = figure(then, templates, confidence);
        let differences = differences(now, &figure, confidence);
        Earlier { from_us, to_us, figure, differences }
    };
    let row = |key: Key, tally: &Tally| {
        let figure = figure(tally, templates, confidence);
        let earlier = then.as_ref().map(|then| {
            let (period, folded) = &then.rows;
            let key = key.earlier(then.compare, bucket);
            let span = match (bucket, key.bucket()) {
                (Some(bucket), Some(number)) => bucket_span(period, bucket, number, &reading.zone),
                _ => (period.from_us, period.to_us),
            };
            earlier(&figure, folded.groups.get(&key).unwrap_or(&nothing), span)
        });
        Row { key, figure, earlier, answers: None, numbers: None, suppressed: false }
    };
    let rows = now.groups.into_iter().map(|(key, tally)| row(key, &tally)).collect();
    let figure = figure(&now.total, templates, confidence);
    let of_total = then.as_ref().map(|then| {
        let (period, folded) = then.whole.as_ref().unwrap_or(&then.rows);
        earlier(&figure, &folded.total, (period.from_us, period.to_us))
    });
    let key = Key::default();
    (rows, Row { key, figure, earlier: of_total, answers: None, numbers: None, suppressed: false })
}

fn used<'a>(now: &'a Folded, then: Option<&'a Then>) -> impl Iterator<Item = Uuid> + 'a {
    let then = then.into_iter().flat_map(|then| {
        let whole = then.whole.iter().map(|(_, folded)| folded);
        whole.chain([&then.rows.1])
    });
    then.chain([now]).flat_map(|folded| folded.total.templates())
}

fn definition(templates: &Templates, now: &Folded, then: Option<&Then>) -> String {
    let used = used(now, then).filter_map(|id| templates.get(&id).map(Arc::as_ref));
    let digest = Sha256::digest(template::canonical(used));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that the groups of time are not too many.
pub fn check_buckets(period: &Period, bucket: Option<Bucket>, zone: &TimeZone) -> Result<()> {
    let most = i64::try_from(ROWS_MAX).unwrap_or(i64::MAX);
    let buckets = bucket.map_or(0, |bucket| period.buckets(bucket, zone));
    if buckets > most { Err(too_many()) } else { Ok(()) }
}

/// The error for a question that cannot be answered.
pub fn refused(refusal: Refusal) -> ServiceError {
    ServiceError::new(Code::InvalidArgument, Reason::GroupingNotSupported, refusal.to_string())
}
