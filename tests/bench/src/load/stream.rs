//! Devices that upload ratings over streams, each with at most a few batches unacknowledged.

use std::{collections::VecDeque, time::Duration};

use proto::device::v1::{
    BatchCreateRatingsRequest, BatchCreateRatingsResponse, RatingResult,
    rating_service_client::RatingServiceClient,
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{Outcome, Sender, Slice};
use crate::error::{During as _, Error, Result};

/// How each device sends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Ratings of a batch, at most 256.
    pub batch: usize,
    /// Batches that may be unacknowledged, at most 2 by contract.
    pub unacknowledged: usize,
    /// When batches are sent.
    pub pace: Pace,
    /// Whether the time of every acknowledgement is wanted.
    pub keep_times: bool,
}

/// When batches are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As soon as one is acknowledged.
    Closed,
    /// At fixed times this far apart, whatever is answered; latency counts from these times.
    Every(Duration),
}

impl Shape {
    /// A closed loop.
    pub const fn closed(batch: usize, unacknowledged: usize) -> Self {
        Self { batch, unacknowledged, pace: Pace::Closed, keep_times: false }
    }

    /// An open loop with `per_second` ratings from all `devices` together.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates and batches are small positive numbers"
    )]
    pub fn open(per_second: f64, devices: usize) -> Self {
        let of_device = (per_second / devices as f64).max(0.01);
        // About 25 batches a second each: small enough to be prompt, large enough to be cheap.
        let batch = ((of_device / 25.0).round() as usize).clamp(1, 256);
        let every = Duration::from_secs_f64(batch as f64 / of_device);
        Self { batch, unacknowledged: 2, pace: Pace::Every(every), keep_times: false }
    }
}

/// Loads all `senders` at once.
pub async fn run(senders: Vec<Sender>, shape: Shape, slice: Slice) -> Result<Outcome> {
    let count = u32::try_from(senders.len()).unwrap_or(u32::MAX).max(1);
    let mut tasks = JoinSet::new();
    for (sender, number) in senders.into_iter().zip(0..) {
        // Open loops are spread over their interval, so that they do not beat together.
        let offset = match shape.pace {
            Pace::Closed => Duration::ZERO,
            Pace::Every(interval) => interval * number / count,
        };
        tasks.spawn(drive(sender, shape, slice, offset));
    }
    let mut all = Outcome { time: slice.length(), ..Outcome::default() };
    while let Some(ended) = tasks.join_next().await {
        let outcome = ended.map_err(|e| Error::Unsound(format!("a sender broke: {e}")))?;
        all.add(outcome?);
    }
    if all.acknowledged == 0 {
        let why = all.refusal.unwrap_or_else(|| "nothing was answered".to_owned());
        return Err(Error::Unsound(format!("no rating was stored: {why}")));
    }
    Ok(all)
}

async fn drive(sender: Sender, shape: Shape, slice: Slice, offset: Duration) -> Result<Outcome> {
    let (tx, rx) = mpsc::channel(shape.unacknowledged);
    let mut driver = Driver {
        source: sender.source,
        due: slice.begin + offset,
        tx: Some(tx),
        sent: VecDeque::new(),
        outcome: Outcome::default(),
        shape,
        slice,
    };
    // A server may answer the call only when it has seen a message.
    driver.send_due();
    let request = kit::rpc::bearer(ReceiverStream::new(rx), &sender.token);
    let mut client = RatingServiceClient::new(sender.chan);
    let answers = client.upload_ratings(request).await.during("opening an upload stream")?;
    driver.work(answers.into_inner()).await?;
    Ok(driver.outcome)
}

/// A batch on its way.
struct Sent {
    /// When it was, or should have been sent.
    at: Instant,
    first_id: String,
    ratings: usize,
}

struct Driver {
    source: std::sync::Arc<crate::press::Source>,
    /// When the next batch is due.
    due: Instant,
    tx: Option<mpsc::Sender<BatchCreateRatingsRequest>>,
    sent: VecDeque<Sent>,
    outcome: Outcome,
    shape: Shape,
    slice: Slice,
}

impl Driver {
    async fn work(&mut self, mut answers: Streaming<BatchCreateRatingsResponse>) -> Result<()> {
        loop {
            self.send_due();
            if self.sent.is_empty() && self.is_over() {
                break;
            }
            let may_send = self.has_room();
            tokio::select! {
                answer = answers.message(), if !self.sent.is_empty() => {
                    let answer = answer.during("uploading ratings")?;
                    let ended = || Error::Unsound("the server ended an upload stream".to_owned());
                    self.take(&answer.ok_or_else(ended)?)?;
                }
                () = tokio::time::sleep_until(self.due), if may_send => {}
            }
        }
        self.tx = None;
        // The server ends its side when it has seen ours end.
        while answers.message().await.during("ending an upload stream")?.is_some() {}
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.due >= self.slice.until || Instant::now() >= self.slice.until
    }

    fn has_room(&self) -> bool {
        self.sent.len() < self.shape.unacknowledged && !self.is_over()
    }

    fn send_due(&mut self) {
        while self.has_room() && self.due <= Instant::now() {
            let batch = self.source.batch(self.shape.batch);
            let at = match self.shape.pace {
                Pace::Closed => Instant::now(),
                Pace::Every(_) => self.due,
            };
            let first_id = batch.ratings.first().map(|r| r.rating_id.clone()).unwrap_or_default();
            self.sent.push_back(Sent { at, first_id, ratings: batch.ratings.len() });
            if let Pace::Every(interval) = self.shape.pace {
                self.due += interval;
            }
            // The channel has room for every batch that may be unacknowledged.
            if self.tx.as_ref().is_none_or(|tx| tx.try_send(batch).is_err()) {
                self.due = self.slice.until;
            }
        }
    }

    fn take(&mut self, answer: &BatchCreateRatingsResponse) -> Result<()> {
        let now = Instant::now();
        let wrong = || Error::Unsound("an answer does not belong to the oldest batch".to_owned());
        let sent = self.sent.pop_front().ok_or_else(wrong)?;
        let first = answer.results.first().map_or("", |result| result.rating_id.as_str());
        if answer.results.len() != sent.ratings || first != sent.first_id {
            return Err(wrong());
        }
        let stored = answer.results.iter().filter(|result| result.code == 0).count();
        let n = u64::try_from(stored).unwrap_or_default();
        self.outcome.acknowledged += n;
        self.source.acknowledge(n);
        if self.slice.holds(now) {
            self.outcome.measured += n;
            self.outcome.latencies.record(now - sent.at);
        }
        if self.shape.keep_times {
            self.outcome.acknowledged_at.extend(std::iter::repeat_n(now, stored));
        }
        if let Some(refused) = answer.results.iter().find(|result| result.code != 0) {
            self.outcome.refused += u64::try_from(sent.ratings - stored).unwrap_or_default();
            self.outcome.refusal.get_or_insert_with(|| said(refused));
        }
        if let Ok(wait_ms @ 1..) = u64::try_from(answer.slow_down_ms) {
            let wait = Duration::from_millis(wait_ms);
            self.outcome.slowed += wait;
            self.due = self.due.max(now + wait);
        }
        Ok(())
    }
}

/// A refusal in words.
pub fn said(result: &RatingResult) -> String {
    let field = if result.field.is_empty() { "" } else { " at " };
    format!("{} {}{field}{}: {}", result.code, result.reason, result.field, result.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_sends_what_was_asked_for() {
        for rate in [20.0, 800.0, 5_000.0, 40_000.0, 200_000.0] {
            let shape = Shape::open(rate, 16);
            let Pace::Every(interval) = shape.pace else { panic!("not open") };
            let found = 16.0 * shape.batch as f64 / interval.as_secs_f64();
            assert!((found / rate - 1.0).abs() < 1e-6, "{rate}: {found}");
            assert!(shape.batch <= 256);
        }
    }
}
