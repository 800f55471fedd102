//! Compares the cells and vectors of answers with the responses that the survey service holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kit::{
    auth::InternalTokens,
    error::{Result, ServiceError},
    rpc::{Chan, bearer},
};
use proto::{
    names,
    survey::v1::{
        CountSourceRequest, CountSourceResponse, ResponseCount,
        event_service_client::EventServiceClient,
    },
};
use tonic::Streaming;
use uuid::Uuid;

use super::{
    DIFFERENCES_MAX, Difference, Report, Told,
    meeting::{Meeting, Moment},
};
use crate::{
    apply::Applier,
    freshness::SURVEY,
    store::{Snapshot, answer_counts, placements},
};

/// Site, questionnaire, version, channel, suspect.
type Key = (Uuid, Uuid, i32, i16, bool);
type Counts = BTreeMap<Key, i64>;

/// Compares answers.
#[derive(Clone)]
pub struct OfAnswers {
    meeting: Meeting,
    applier: Arc<Applier>,
    source: EventServiceClient<Chan>,
    tokens: InternalTokens,
}

impl OfAnswers {
    /// Compares what `applier` wrote with what `survey` holds.
    pub fn new(
        meeting: Meeting,
        applier: Arc<Applier>,
        survey: Chan,
        tokens: InternalTokens,
    ) -> Self {
        let source = EventServiceClient::new(survey);
        Self { meeting, applier, source, tokens }
    }

    /// Adds what the comparison finds to `report`; `told` hears how far it has come.
    ///
    /// # Errors
    /// UNAVAILABLE when the cells cannot be brought to the source's position in time.
    pub async fn compare(&self, org: Uuid, report: &mut Report, told: Told<'_>) -> Result<()> {
        let organisation = names::print("organisations", org);
        let request = bearer(CountSourceRequest { organisation }, &self.tokens.internal());
        let mut source = self.source.clone();
        let moment = self.meeting.of(&self.applier, SURVEY, async move {
            let mut counting = source.count_source(request).await?.into_inner();
            let first = counting.message().await?;
            Ok((counting, first.map(|first| first.position)))
        });
        let Moment { position, counting, cells } = moment.await?;
        // Only the end says whether all agrees.
        let so_far = Report { equal: false, ..report.clone() };
        let at_source = read(counting, |source_responses| {
            told(&Report { source_responses, ..so_far.clone() });
        });
        let (at_source, tables) = tokio::try_join!(at_source, count(cells, org))?;
        report.survey_position = position;
        report.source_responses = at_source.values().sum();
        report.counted_responses = tables[0].1.values().sum();
        for (table, counts) in tables {
            differences(table, &at_source, &counts, &mut report.differences);
        }
        report.equal = report.differences.is_empty();
        report.differences.truncate(DIFFERENCES_MAX);
        Ok(())
    }
}

/// The counts of cells, vectors and packs.
async fn count(snapshot: Snapshot, org: Uuid) -> Result<[(&'static str, Counts); 3]> {
    let conn = snapshot.conn();
    let placed = placements::load(conn, org).await?;
    let cells = answer_counts::of_cells(conn, org, &placed).await?;
    let vectors = answer_counts::of_vectors(conn, org, &placed).await?;
    let packs = answer_counts::of_packs(conn, org, &placed).await?;
    snapshot.end().await?;
    Ok([("answer cells", cells), ("answer vectors", vectors), ("answer packs", packs)])
}

/// Reads the source's counts to their end; `told` hears of responses counted so far.
async fn read(
    mut counting: Streaming<CountSourceResponse>,
    mut told: impl FnMut(i64) + Send,
) -> Result<Counts> {
    let mut counts = Counts::new();
    while let Some(message) = counting.message().await? {
        told(message.responses_so_far);
        for row in &message.responses {
            let (key, count) = counted(row)?;
            *counts.entry(key).or_default() += count;
        }
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
}

fn counted(row: &ResponseCount) -> Result<(Key, i64)> {
    let bad = |name: &str| ServiceError::internal(format!("the source counts for {name}"));
    let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
    let questionnaire = names::parse("questionnaires", &row.questionnaire)
        .ok_or_else(|| bad(&row.questionnaire))?;
    let channel = i16::try_from(row.channel).map_err(ServiceError::internal)?;
    Ok(((site, questionnaire, row.version, channel, row.suspect), row.count))
}

fn differences(table: &str, source: &Counts, counted: &Counts, found: &mut Vec<Difference>) {
    let keys: BTreeSet<&Key> = source.keys().chain(counted.keys()).collect();
    for key in keys {
        let count = |counts: &Counts| counts.get(key).copied().unwrap_or_default();
        let (at_source, here) = (count(source), count(counted));
        if at_source != here {
            let (site, questionnaire, version, channel, suspect) = key;
            let cell = format!(
                "{table}: {} {} version {version} channel {channel} {}",
                names::print("units", *site),
                names::print("questionnaires", *questionnaire),
                if *suspect { "suspect" } else { "trusted" },
            );
            found.push(Difference { cell, source: at_source, counted: here });
        }
    }
}
