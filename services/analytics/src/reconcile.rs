//! Compares the cells with the stored rows of their sources, both at the same position of the
//! feed.

mod answers;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use analytics_domain::{
    cell::{Column, Counts as CellCounts, What},
    fact::Grade,
    pack::{self, Kind},
    plan::Table,
};
use kit::{
    auth::InternalTokens,
    db::Db,
    error::{Result, ServiceError},
    feed::{Inbox, compare_positions},
    lease::Lease,
    rpc::{Chan, bearer},
};
use proto::{
    device::v1::{
        CountSourceRequest, CountSourceResponse, EncounterState,
        event_service_client::EventServiceClient,
    },
    names,
};
use sea_orm::{ConnectionTrait, StreamTrait};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    apply::Applier,
    freshness::DEVICE,
    service::Peers,
    store::{
        Snapshot, packs, placements, snapshot,
        sums::{self, Scan, Sites},
    },
};

/// How long one comparison may take.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How long the replica that follows the feeds may take to hand that over.
const CLAIM_MAX: Duration = Duration::from_secs(6);
/// Pause between looks at the cursor.
const POLL: Duration = Duration::from_millis(20);
/// Pause before counting again after a difference: a transaction of the source may have been
/// committed, and counted there, before its events could be read.
const AGAIN: Duration = Duration::from_millis(300);
/// Comparisons that must differ before it is reported.
const ATTEMPTS: u32 = 4;
/// Differences that are reported.
const DIFFERENCES_MAX: usize = 100;
/// Largest answer of the source.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// One count that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which count, for people.
    pub cell: String,
    /// At the source.
    pub source: i64,
    /// In the cells.
    pub counted: i64,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Every count agrees.
    pub equal: bool,
    /// Ratings at the source.
    pub source_ratings: i64,
    /// Ratings in the cells.
    pub counted_ratings: i64,
    /// Encounters at the source.
    pub source_encounters: i64,
    /// Encounters in the cells.
    pub counted_encounters: i64,
    /// Differences, at most 100.
    pub differences: Vec<Difference>,
    /// Position of the feed at which both were read.
    pub position: String,
    /// Responses at the source.
    pub source_responses: i64,
    /// Responses in the cells.
    pub counted_responses: i64,
    /// Position of the survey feed at which both were read.
    pub survey_position: String,
}

/// What is counted, comparable between source and cells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    /// Ratings by site, template, overall grade and trust.
    Rating(Uuid, Uuid, i32, bool),
    /// Encounters by site and final state; 0 for all.
    Encounter(Uuid, i32),
}

type Counts = BTreeMap<Counted, i64>;

/// Compares.
#[derive(Clone)]
pub struct Reconciler {
    db: Db,
    lease: Lease,
    applier: Arc<Applier>,
    source: EventServiceClient<Chan>,
    answers: answers::OfAnswers,
    tokens: InternalTokens,
}

impl Reconciler {
    /// Compares the cells in `db` with what `peers` hold.
    pub fn new(
        db: Db,
        lease: Lease,
        applier: Arc<Applier>,
        of_answers: Arc<Applier>,
        peers: &Peers,
        tokens: InternalTokens,
    ) -> Self {
        let device = peers.device.clone();
        let source = EventServiceClient::new(device).max_decoding_message_size(BYTES_MAX);
        let survey = peers.survey.clone();
        let answers = answers::OfAnswers::new(db.clone(), of_answers, survey, tokens.clone());
        Self { db, lease, applier, source, answers, tokens }
    }

    /// Compares all counts of an organisation.
    ///
    /// # Errors
    /// UNAVAILABLE when the cells cannot be brought to the source's position in time, or
    /// another comparison runs, here or in another replica.
    pub async fn compare(&self, org: Uuid) -> Result<Report> {
        // Only whoever follows the feeds can make them stand still.
        let _pinned = self.lease.claim(CLAIM_MAX).await?;
        let end = Instant::now() + TIME_MAX;
        let mut attempt = 0;
        loop {
            let mut report = self.attempt(org, end).await?;
            self.answers.compare(org, end, &mut report).await?;
            attempt += 1;
            if report.equal || attempt >= ATTEMPTS || Instant::now() + AGAIN >= end {
                return Ok(report);
            }
            sleep(AGAIN).await;
        }
    }

    async fn attempt(&self, org: Uuid, end: Instant) -> Result<Report> {
        // Nothing is applied between counting at the source and holding at its position, so
        // the cells cannot be further than the source was.
        let paused = self.applier.pause().await;
        let source = self.count_source(org).await?;
        let held = self.applier.hold().after(&source.position);
        let _held = held.ok_or_else(|| ServiceError::unavailable("a comparison is running"))?;
        drop(paused);
        let snapshot = reach(&self.db, DEVICE, &source.position, end).await?;
        let cells = self.count_cells(snapshot.conn(), org).await?;
        snapshot.end().await?;
        report(source, &cells)
    }

    async fn count_source(&self, org: Uuid) -> Result<CountSourceResponse> {
        let organisation = names::print("organisations", org);
        let request = CountSourceRequest { organisation, ..Default::default() };
        let request = bearer(request, &self.tokens.internal());
        Ok(self.source.clone().count_source(request).await?.into_inner())
    }

    /// The same counts from each table of cells and each kind of packs.
    async fn count_cells(
        &self,
        conn: &(impl ConnectionTrait + StreamTrait),
        org: Uuid,
    ) -> Result<Vec<(&'static str, Counts)>> {
        let placed = placements::load(conn, org).await?;
        let mut found = Vec::new();
        let kinds =
            [("site day", Kind::Days), ("site month", Kind::Months), ("site year", Kind::Years)];
        for (name, kind) in kinds {
            found.push((name, count_packs(conn, org, kind, &placed).await?));
        }
        for (name, table) in [("day", Table::Day), ("quarter", Table::Quarter)] {
            let mut counts = Counts::new();
            for sum in sums::read(conn, &Scan::of_sites(table, org)).await? {
                add_cells(&mut counts, placed.site(sum.site), &sum.what, &sum.counts);
            }
            counts.retain(|_, count| *count != 0);
            found.push((name, counts));
        }
        Ok(found)
    }
}

async fn count_packs(
    conn: &impl StreamTrait,
    org: Uuid,
    kind: Kind,
    placed: &placements::Placements,
) -> Result<Counts> {
    let all = packs::Scan { org, kind, months: i32::MIN..i32::MAX, sites: &Sites::Any };
    let mut counts = Counts::new();
    packs::each(conn, &all, |row| {
        let site = placed.site(row.site);
        packs::entries(&row, |entry| {
            let what = pack::rating_of(entry.key);
            let what = what.ok_or_else(|| ServiceError::internal("a key of a pack"))?;
            if what.item.is_empty() {
                add_cells(&mut counts, site, &what, entry.counts);
            }
            Ok(())
        })
    })
    .await?;
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

/// A snapshot in which the cells are exactly at `position`.
async fn reach(db: &Db, feed: &str, position: &str, end: Instant) -> Result<Snapshot> {
    loop {
        let snapshot = snapshot(db).await?;
        let cursor = Inbox::cursor(snapshot.conn(), feed).await?;
        match compare_positions(&cursor, position)? {
            std::cmp::Ordering::Equal => return Ok(snapshot),
            std::cmp::Ordering::Greater => {
                let text = "another replica has applied more meanwhile; try again";
                return Err(ServiceError::unavailable(text));
            }
            std::cmp::Ordering::Less => snapshot.end().await?,
        }
        if Instant::now() >= end {
            let text = "analytics has not come as far as the source yet";
            return Err(ServiceError::unavailable(text));
        }
        sleep(POLL).await;
    }
}

/// Final states, which have a column of their own.
const STATES: [(Column, EncounterState); 5] = [
    (Column::TimedOut, EncounterState::TimedOut),
    (Column::Skipped, EncounterState::Skipped),
    (Column::Defaulted, EncounterState::Defaulted),
    (Column::Rated, EncounterState::Rated),
    (Column::NoShow, EncounterState::NoShow),
];

fn add_cells(counts: &mut Counts, site: Uuid, what: &What, sums: &CellCounts) {
    if what.is_encounters() {
        let mut add = |state: i32, column: Column| {
            *counts.entry(Counted::Encounter(site, state)).or_default() += sums.get(column);
        };
        add(0, Column::Encounters);
        for (column, state) in STATES {
            add(state as i32, column);
        }
        return;
    }
    for (index, count) in sums.grades.iter().enumerate() {
        let Some(grade) = Grade::at(what.block, index) else { continue };
        let key = Counted::Rating(site, what.template, grade.value(), what.class != 0);
        *counts.entry(key).or_default() += count;
    }
}

fn source_counts(source: &CountSourceResponse) -> Result<Counts> {
    let bad = |name: &str| ServiceError::internal(format!("the source counts for {name}"));
    let mut counts = Counts::new();
    for row in &source.ratings {
        let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
        let template =
            names::parse("templates", &row.template).ok_or_else(|| bad(&row.template))?;
        let key = Counted::Rating(site, template, row.key, row.distrusted);
        *counts.entry(key).or_default() += row.count;
    }
    for row in &source.encounters {
        let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
        *counts.entry(Counted::Encounter(site, 0)).or_default() += row.count;
        if STATES.iter().any(|(_, state)| *state as i32 == row.key) {
            *counts.entry(Counted::Encounter(site, row.key)).or_default() += row.count;
        }
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

fn report(source: CountSourceResponse, cells: &[(&'static str, Counts)]) -> Result<Report> {
    let of_source = source_counts(&source)?;
    let mut report = Report { position: source.position, ..Report::default() };
    (report.source_ratings, report.source_encounters) = totals(&of_source);
    if let Some((_, counts)) = cells.first() {
        (report.counted_ratings, report.counted_encounters) = totals(counts);
    }
    for (table, counts) in cells {
        let keys: BTreeSet<&Counted> = of_source.keys().chain(counts.keys()).collect();
        for key in keys {
            let count = |counts: &Counts| counts.get(key).copied().unwrap_or_default();
            let (source, counted) = (count(&of_source), count(counts));
            if source != counted {
                let cell = format!("{table}: {}", describe(key));
                report.differences.push(Difference { cell, source, counted });
            }
        }
    }
    report.equal = report.differences.is_empty();
    report.differences.truncate(DIFFERENCES_MAX);
    Ok(report)
}

fn totals(counts: &Counts) -> (i64, i64) {
    counts.iter().fold((0, 0), |(ratings, encounters), (key, count)| match key {
        Counted::Rating(..) => (ratings + count, encounters),
        Counted::Encounter(_, 0) => (ratings, encounters + count),
        Counted::Encounter(..) => (ratings, encounters),
    })
}

fn describe(counted: &Counted) -> String {
    match counted {
        Counted::Rating(site, template, grade, distrusted) => {
            let (site, template) =
                (names::print("units", *site), names::print("templates", *template));
            let trust = if *distrusted { "distrusted" } else { "trusted" };
            format!("{site} {template} grade {grade} {trust}")
        }
        Counted::Encounter(site, 0) => format!("{} encounters", names::print("units", *site)),
        Counted::Encounter(site, state) => {
            let state = EncounterState::try_from(*state).unwrap_or_default().as_str_name();
            format!("{} {state}", names::print("units", *site))
        }
    }
}
