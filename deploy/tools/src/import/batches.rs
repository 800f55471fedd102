//! Sends ratings in batches, two at a time, and reports them in the order of the file.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use futures::{StreamExt as _, stream::FuturesOrdered};
use proto::device::v1::{
    BatchImportRatingsRequest, ImportedRating, RatingResult,
    rating_service_client::RatingServiceClient,
};

use super::{Summary, journal::Position, row::RowError};
use crate::{client::Client, error::Result};

/// Ratings of one call.
const BATCH: usize = 256;
/// Bytes of one call; services refuse much larger ones.
const BATCH_BYTES: usize = 56 * 1024;
/// Calls that are under way at the same time.
const IN_FLIGHT: usize = 2;
/// How often single ratings are sent again when the suite asks for it.
const TRIES: u32 = 8;
/// gRPC code of a message that was put into quarantine.
const FAILED_PRECONDITION: i32 = 9;

/// What became of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// Its last line.
    pub position: Position,
    /// Totals up to here.
    pub summary: Summary,
    /// Lines that were not stored.
    pub errors: Vec<(u64, RowError)>,
}

/// Lines that go together.
#[derive(Default)]
struct Batch {
    ratings: Vec<(u64, ImportedRating)>,
    refused: Vec<(u64, RowError)>,
    bytes: usize,
    end: Option<Position>,
}

type Sending = Pin<Box<dyn Future<Output = Result<Sent>> + Send>>;

struct Sent {
    end: Position,
    refused: Vec<(u64, RowError)>,
    results: Vec<(u64, RatingResult)>,
}

/// The way of lines to the suite.
pub struct Pipeline {
    client: Client,
    batch: Batch,
    sending: FuturesOrdered<Sending>,
    summary: Summary,
}

impl Pipeline {
    /// Sends as `client`; `summary` is what was done before.
    pub fn new(client: Client, summary: Summary) -> Self {
        Self { client, batch: Batch::default(), sending: FuturesOrdered::new(), summary }
    }

    /// Totals of what is settled.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Takes a line. Gives what was settled meanwhile.
    pub async fn push(
        &mut self,
        position: Position,
        line: std::result::Result<ImportedRating, RowError>,
    ) -> Result<Vec<Outcome>> {
        let mut settled = Vec::new();
        match line {
            Ok(rating) => {
                let bytes = prost::Message::encoded_len(&rating) + 4;
                if self.batch.bytes + bytes > BATCH_BYTES {
                    self.send().await?.into_iter().for_each(|o| settled.push(o));
                }
                self.batch.bytes += bytes;
                self.batch.ratings.push((position.line, rating));
            }
            Err(error) => self.batch.refused.push((position.line, error)),
        }
        self.batch.end = Some(position);
        if self.batch.ratings.len() == BATCH || self.batch.refused.len() == BATCH {
            settled.extend(self.send().await?);
        }
        Ok(settled)
    }

    /// Sends what is left and gives one outcome after the other; `None` when all is settled.
    pub async fn drain(&mut self) -> Result<Option<Outcome>> {
        if self.batch.end.is_some() {
            let batch = std::mem::take(&mut self.batch);
            self.start(batch);
        }
        self.settle().await
    }

    async fn send(&mut self) -> Result<Option<Outcome>> {
        let batch = std::mem::take(&mut self.batch);
        self.start(batch);
        if self.sending.len() < IN_FLIGHT { Ok(None) } else { self.settle().await }
    }

    fn start(&mut self, batch: Batch) {
        let Some(end) = batch.end else { return };
        let client = self.client.clone();
        self.sending.push_back(Box::pin(async move {
            let results = deliver(&client, batch.ratings).await?;
            Ok(Sent { end, refused: batch.refused, results })
        }));
    }

    async fn settle(&mut self) -> Result<Option<Outcome>> {
        let Some(sent) = self.sending.next().await.transpose()? else { return Ok(None) };
        let mut errors = sent.refused;
        self.summary.read += (errors.len() + sent.results.len()) as u64;
        self.summary.refused += errors.len() as u64;
        for (line, result) in sent.results {
            match result {
                RatingResult { code: 0, duplicate: false, .. } => self.summary.stored += 1,
                RatingResult { code: 0, .. } => self.summary.present += 1,
                other => {
                    let quarantined = other.code == FAILED_PRECONDITION;
                    let counter = match quarantined {
                        true => &mut self.summary.quarantined,
                        false => &mut self.summary.refused,
                    };
                    *counter += 1;
                    let (field, reason, text) = (other.field, other.reason, other.message);
                    errors.push((line, RowError { field, reason, text }));
                }
            }
        }
        errors.sort_by_key(|(line, _)| *line);
        Ok(Some(Outcome { position: sent.end, summary: self.summary, errors }))
    }
}

/// Sends ratings until each has a result that stays.
async fn deliver(
    client: &Client,
    ratings: Vec<(u64, ImportedRating)>,
) -> Result<Vec<(u64, RatingResult)>> {
    let mut done = Vec::with_capacity(ratings.len());
    let mut waiting = VecDeque::from(ratings);
    for attempt in 1..=TRIES {
        if waiting.is_empty() {
            break;
        }
        let ratings = waiting.iter().map(|(_, rating)| rating.clone()).collect();
        let message = BatchImportRatingsRequest { ratings };
        let answer = client
            .call("importing ratings", message, |chan, request| async move {
                RatingServiceClient::new(chan).batch_import_ratings(request).await
            })
            .await?;
        let sent = std::mem::take(&mut waiting);
        for ((line, rating), result) in sent.into_iter().zip(answer.results) {
            if result.retryable && attempt < TRIES {
                waiting.push_back((line, rating));
            } else {
                done.push((line, result));
            }
        }
        if !waiting.is_empty() {
            tokio::time::sleep(Duration::from_millis(100) * attempt).await;
        }
    }
    Ok(done)
}
