//! Compares the cells and vectors of answers with the responses that the survey service holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kit::{
    auth::InternalTokens,
    db::Db,
    error::{Result, ServiceError},
    rpc::{Chan, bearer},
};
use proto::{
    names,
    survey::v1::{
        CountSourceRequest, CountSourceResponse, event_service_client::EventServiceClient,
    },
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{BYTES_MAX, DIFFERENCES_MAX, Difference, Report, reach};
use crate::{
    apply::Applier,
    freshness::SURVEY,
    store::{answer_counts, placements},
};

/// Site, questionnaire, version, channel, suspect.
type Key = (Uuid, Uuid, i32, i16, bool);
type Counts = BTreeMap<Key, i64>;

/// Compares answers.
#[derive(Clone)]
pub struct OfAnswers {
    db: Db,
    applier: Arc<Applier>,
    source: EventServiceClient<Chan>,
    tokens: InternalTokens,
}

impl OfAnswers {
    /// Compares what `applier` wrote to `db` with what `survey` holds.
    pub fn new(db: Db, applier: Arc<Applier>, survey: Chan, tokens: InternalTokens) -> Self {
        let source = EventServiceClient::new(survey).max_decoding_message_size(BYTES_MAX);
        Self { db, applier, source, tokens }
    }

    /// Adds what the comparison finds to `report`.
    ///
    /// # Errors
    /// UNAVAILABLE when the cells cannot be brought to the source's position until `end`.
    pub async fn compare(&self, org: Uuid, end: Instant, report: &mut Report) -> Result<()> {
        let paused = self.applier.pause().await;
        let organisation = names::print("organisations", org);
        let request = bearer(CountSourceRequest { organisation }, &self.tokens.internal());
        let source = self.source.clone().count_source(request).await?.into_inner();
        let held = self.applier.hold().after(&source.position);
        let _held = held.ok_or_else(|| ServiceError::unavailable("a comparison is running"))?;
        drop(paused);
        let snapshot = reach(&self.db, SURVEY, &source.position, end).await?;
        let conn = snapshot.conn();
        let placed = placements::load(conn, org).await?;
        let cells = answer_counts::of_cells(conn, org, &placed).await?;
        let vectors = answer_counts::of_vectors(conn, org, &placed).await?;
        let packs = answer_counts::of_packs(conn, org, &placed).await?;
        snapshot.end().await?;
        let of_source = of_source(&source)?;
        report.survey_position = source.position;
        report.source_responses = of_source.values().sum();
        report.counted_responses = cells.values().sum();
        let tables =
            [("answer cells", cells), ("answer vectors", vectors), ("answer packs", packs)];
        for (table, counts) in tables {
            differences(table, &of_source, &counts, &mut report.differences);
        }
        report.equal = report.differences.is_empty();
        report.differences.truncate(DIFFERENCES_MAX);
        Ok(())
    }
}

fn of_source(source: &CountSourceResponse) -> Result<Counts> {
    let bad = |name: &str| ServiceError::internal(format!("the source counts for {name}"));
    let mut counts = Counts::new();
    for row in &source.responses {
        let site = names::parse("units", &row.site).ok_or_else(|| bad(&row.site))?;
        let questionnaire = names::parse("questionnaires", &row.questionnaire)
            .ok_or_else(|| bad(&row.questionnaire))?;
        let channel = i16::try_from(row.channel).map_err(ServiceError::internal)?;
        let key = (site, questionnaire, row.version, channel, row.suspect);
        *counts.entry(key).or_default() += row.count;
    }
    counts.retain(|_, count| *count != 0);
    Ok(counts)
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
