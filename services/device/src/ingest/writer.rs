//! The writers: each takes what waits and writes it in one transaction; answers follow the
//! commit. A group that fails on its data is halved until the message that spoils it stands
//! alone; a database that is away fails all that wait, and their senders keep them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use device_domain::sequence::Tracker;
use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use tokio::sync::oneshot;
use tonic::Code;
use uuid::Uuid;

use super::{
    Engine,
    batch::{Answer, Batch, Progress, Refusal, Verdict},
    crash_point,
    ground::Ground,
    group::{Entry, Placed, Trouble, place},
    queue::{Queue, Waiting},
};
use crate::{events, store::rating_sequence::Key};

/// How often a group that lost against another transaction is tried again.
const RETRIES: u32 = 3;

/// Writes until the queue is closed and empty.
pub async fn run(engine: Arc<Engine>, queue: Arc<Queue>) {
    while let Some(group) = queue.take().await {
        let (engine, queue) = (engine.clone(), queue.clone());
        // A task of its own, so that a panic costs one group and not the writer.
        let written = tokio::spawn(async move {
            let devices: Vec<Uuid> = group.iter().flat_map(|w| w.devices.iter().copied()).collect();
            let _busy = Busy { queue, devices };
            write(&engine, group).await;
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "a writer failed; its senders will send again");
        }
    }
}

/// Gives the devices back however the group ends.
struct Busy {
    queue: Arc<Queue>,
    devices: Vec<Uuid>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.queue.release(&self.devices);
    }
}

/// Answers of a group, each given once.
struct Replies {
    places: Vec<Option<oneshot::Sender<Result<Answer>>>>,
}

impl Replies {
    fn give(&mut self, index: usize, answer: Result<Answer>) {
        if let Some(reply) = self.places[index].take() {
            // A caller that has gone away sends again.
            let _ = reply.send(answer);
        }
    }
}

async fn write(engine: &Engine, group: Vec<Waiting>) {
    let mut batches = Vec::with_capacity(group.len());
    let mut replies = Replies { places: Vec::with_capacity(group.len()) };
    for waiting in group {
        batches.push(waiting.batch);
        replies.places.push(Some(waiting.reply));
    }
    let entries: Vec<Entry<'_>> = batches
        .iter()
        .flat_map(|batch| batch.items.iter().map(move |item| Entry { batch, item }))
        .collect();
    let mut results =
        Results { verdicts: vec![None; entries.len()], trackers: HashMap::new(), position: None };
    let mut error = None;
    // Halves wait on a stack; the whole group is the first.
    let mut open = Vec::from([(0, entries.len())]);
    while let Some((start, end)) = open.pop() {
        let part = &entries[start..end];
        let whole = part.len() == entries.len();
        let early = (whole && crash_point::ack_before_commit()).then_some((&batches, &mut replies));
        match transact(engine, part, early).await {
            Ok(placed) => results.take(start, placed),
            Err(failed) if failed.code() == Code::Internal && part.len() > 1 => {
                let middle = start + part.len() / 2;
                open.push((middle, end));
                open.push((start, middle));
            }
            Err(failed) if failed.code() == Code::Internal => {
                results.verdicts[start] = Some(Verdict::Refused(poisoned(&failed)));
            }
            // The rest would fail the same way.
            Err(failed) => {
                error = Some(failed);
                break;
            }
        }
    }
    results.answer(&batches, &mut replies, error);
    crash_point::pass("device.after_answer");
}

struct Results {
    verdicts: Vec<Option<Verdict>>,
    trackers: HashMap<Key, Tracker>,
    position: Option<String>,
}

impl Results {
    fn take(&mut self, start: usize, placed: Placed) {
        for (place, verdict) in self.verdicts[start..].iter_mut().zip(placed.verdicts) {
            *place = Some(verdict);
        }
        self.trackers.extend(placed.trackers);
        // Parts of a group are written in order.
        self.position = placed.position.or(self.position.take());
    }

    fn answer(mut self, batches: &[Batch], replies: &mut Replies, error: Option<ServiceError>) {
        let mut start = 0;
        for (index, batch) in batches.iter().enumerate() {
            let end = start + batch.items.len();
            let verdicts: Option<Vec<Verdict>> =
                self.verdicts[start..end].iter_mut().map(Option::take).collect();
            let answer = match verdicts {
                Some(verdicts) => {
                    let mut answer = answer(batch, verdicts, &self.trackers);
                    answer.position.clone_from(&self.position);
                    Ok(answer)
                }
                // What of it is stored will be found when it comes again.
                None => Err(unavailable(error.as_ref())),
            };
            replies.give(index, answer);
            start = end;
        }
    }
}

fn answer(batch: &Batch, verdicts: Vec<Verdict>, trackers: &HashMap<Key, Tracker>) -> Answer {
    let mut progress: Vec<Progress> = Vec::new();
    for (item, verdict) in batch.items.iter().zip(&verdicts) {
        let key = (item.device, item.press.epoch);
        let named = progress.iter().any(|p| (p.device, p.epoch) == key);
        // Who may not speak for a device learns nothing of it.
        let visible = !matches!(verdict, Verdict::Refused(r) if r.code == Code::NotFound);
        if let Some(tracker) = trackers.get(&key).filter(|_| visible && !named && key.1 >= 1) {
            progress.push(Progress {
                device: key.0,
                epoch: key.1,
                contiguous: tracker.contiguous(),
                missing: tracker.missing(),
            });
        }
    }
    Answer { verdicts, progress, position: None }
}

fn unavailable(error: Option<&ServiceError>) -> ServiceError {
    match error {
        Some(error) if error.code() == Code::ResourceExhausted => ServiceError::exhausted(
            error.reason(),
            error.message(),
            error.retry_after().unwrap_or(Duration::from_secs(5)),
        ),
        _ => ServiceError::unavailable("the ratings could not be stored now; send them again"),
    }
}

/// A message that cannot be stored for a cause that we do not know. Its sender keeps it: what
/// a defect of ours refuses shall not be lost.
fn poisoned(error: &ServiceError) -> Refusal {
    tracing::error!(%error, "a message cannot be stored");
    let text = "this message cannot be stored now; the others are";
    Refusal::retryable(Code::Unavailable, Reason::Internal, text)
}

type Early<'a> = (&'a Vec<Batch>, &'a mut Replies);

/// Writes one group, trying again where another transaction was faster.
async fn transact(
    engine: &Engine,
    entries: &[Entry<'_>],
    mut early: Option<Early<'_>>,
) -> Result<Placed> {
    let mut ground = Ground::prepare(engine, entries).await?;
    let (mut careful, mut lost) = (false, 0);
    loop {
        match attempt(engine, &mut ground, entries, careful, &mut early).await {
            Ok(placed) => return Ok(placed),
            Err(Trouble::LookCloser) => careful = true,
            Err(Trouble::Again) if lost < RETRIES => {
                lost += 1;
                let pause = Duration::from_millis(u64::from(rand::random_range(1..10 * lost)));
                tokio::time::sleep(pause).await;
            }
            Err(Trouble::Again) => {
                return Err(ServiceError::unavailable("too many changes at once; send it again"));
            }
            Err(Trouble::Failed(error)) => return Err(error),
        }
    }
}

async fn attempt(
    engine: &Engine,
    ground: &mut Ground,
    entries: &[Entry<'_>],
    careful: bool,
    early: &mut Option<Early<'_>>,
) -> std::result::Result<Placed, Trouble> {
    crash_point::pass("device.before_begin");
    let tx = engine.app.db.begin().await?;
    let mut placed = place(engine, ground, &tx, entries, careful).await?;
    let changes = std::mem::take(&mut placed.events);
    let any = !changes.is_empty();
    if any {
        placed.position = Some(engine.app.outbox.append(&tx, events::pack(changes)).await?);
    }
    if let Some((batches, replies)) = early.take() {
        let verdicts = placed.verdicts.iter().cloned().map(Some).collect();
        let results = Results { verdicts, trackers: placed.trackers.clone(), position: None };
        results.answer(batches, replies, None);
        // The wrong answer has to leave the process before the process dies.
        tokio::time::sleep(crash_point::CONTROL_PAUSE).await;
    }
    crash_point::pass("device.before_commit");
    tx.commit().await?;
    crash_point::pass("device.after_commit");
    if any {
        engine.app.outbox.committed();
    }
    Ok(placed)
}
