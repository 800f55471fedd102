//! Compares the cells with the stored rows of their sources, both at the same position of the
//! feed.

mod answers;
mod cells;
mod meeting;
mod source;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kit::{
    auth::InternalTokens,
    db::Db,
    error::Result,
    lease::Lease,
    rpc::{Chan, bearer},
};
use proto::{
    device::v1::{CountSourceRequest, event_service_client::EventServiceClient},
    names,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{apply::Applier, freshness::DEVICE, service::Peers};
use cells::{Counted, Counts};
use meeting::{Meeting, Moment};

/// Until when a difference is looked at again.
const AGAIN_UNTIL: Duration = Duration::from_secs(10);
/// Pause before counting again after a difference: a transaction of the source may have been
/// committed, and counted there, before its events could be read.
const AGAIN: Duration = Duration::from_millis(300);
/// Comparisons that must differ before it is reported.
const ATTEMPTS: u32 = 4;
/// Differences that are reported.
const DIFFERENCES_MAX: usize = 100;

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

/// Hears how far a comparison has come: a report with the rows of the sources counted so far.
pub type Told<'a> = &'a (dyn Fn(&Report) + Send + Sync);

/// Compares.
#[derive(Clone)]
pub struct Reconciler {
    meeting: Meeting,
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
        let source = EventServiceClient::new(device);
        let survey = peers.survey.clone();
        let meeting = Meeting { db, lease };
        let answers = answers::OfAnswers::new(meeting.clone(), of_answers, survey, tokens.clone());
        Self { meeting, applier, source, answers, tokens }
    }

    /// Compares all counts of an organisation, however long that takes. What is counted is the
    /// state of one moment on both sides, so that nothing has to wait meanwhile.
    ///
    /// # Errors
    /// UNAVAILABLE when the cells cannot be brought to the source's position in time, or
    /// another comparison begins at this moment, here or in another replica.
    pub async fn compare(&self, org: Uuid, told: Told<'_>) -> Result<Report> {
        let end = Instant::now() + AGAIN_UNTIL;
        let mut attempt = 0;
        loop {
            let mut report = self.attempt(org, told).await?;
            self.answers.compare(org, &mut report, told).await?;
            attempt += 1;
            if report.equal || attempt >= ATTEMPTS || Instant::now() + AGAIN >= end {
                return Ok(report);
            }
            sleep(AGAIN).await;
        }
    }

    async fn attempt(&self, org: Uuid, told: Told<'_>) -> Result<Report> {
        let organisation = names::print("organisations", org);
        let request = CountSourceRequest { organisation, ..Default::default() };
        let request = bearer(request, &self.tokens.internal());
        let mut source = self.source.clone();
        let moment = self.meeting.of(&self.applier, DEVICE, async move {
            let mut counting = source.count_source(request).await?.into_inner();
            let first = counting.message().await?;
            Ok((counting, first.map(|first| first.position)))
        });
        let Moment { position, counting, cells } = moment.await?;
        let at_source = source::read(counting, |source_ratings, source_encounters| {
            told(&Report { source_ratings, source_encounters, ..Report::default() });
        });
        let counted = async {
            let tables = cells::count(cells.conn(), org).await?;
            cells.end().await?;
            Ok(tables)
        };
        let (at_source, tables) = tokio::try_join!(at_source, counted)?;
        Ok(report(position, &at_source, &tables))
    }
}

fn report(position: String, at_source: &Counts, tables: &[(&'static str, Counts)]) -> Report {
    let mut report = Report { position, ..Report::default() };
    (report.source_ratings, report.source_encounters) = totals(at_source);
    if let Some((_, counts)) = tables.first() {
        (report.counted_ratings, report.counted_encounters) = totals(counts);
    }
    for (table, counts) in tables {
        let keys: BTreeSet<&Counted> = at_source.keys().chain(counts.keys()).collect();
        for key in keys {
            let count = |counts: &Counts| counts.get(key).copied().unwrap_or_default();
            let (source, counted) = (count(at_source), count(counts));
            if source != counted {
                let cell = format!("{table}: {}", cells::describe(key));
                report.differences.push(Difference { cell, source, counted });
            }
        }
    }
    report.equal = report.differences.is_empty();
    report.differences.truncate(DIFFERENCES_MAX);
    report
}

fn totals(counts: &Counts) -> (i64, i64) {
    counts.iter().fold((0, 0), |(ratings, encounters), (key, count)| match key {
        Counted::Rating(..) => (ratings + count, encounters),
        Counted::Encounter(_, 0) => (ratings, encounters + count),
        Counted::Encounter(..) => (ratings, encounters),
    })
}
