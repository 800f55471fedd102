//! The way of a rating: checked messages wait in a bounded queue, writers store them in
//! groups, and an answer is given only for what is durable.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use device_domain::template::Template;
use kit::{
    consistency,
    db::Dialect,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::Reason,
    device::v1::{Acknowledgement, SequenceRange},
    names,
};
use sea_orm::ConnectionTrait;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{state::App, store::rating_sequence};

mod attach;
pub mod batch;
pub mod crash_point;
mod facts;
mod ground;
mod group;
mod history;
mod identify;
mod judge;
pub mod parse;
mod queue;
mod release;
mod suspicion;
#[cfg(test)]
mod tests;
mod writer;

use batch::{Answer, Batch, Progress};
pub use history::{reattribute, reclassify, relink};
use queue::{LIMITS, Queue, Waiting};
pub use release::Additions;

/// Writers on PostgreSQL unless the setting says otherwise. SQLite has one writer.
pub const WRITERS_DEFAULT: usize = 2;
/// Most writers; each holds a connection.
pub const WRITERS_MAX: usize = 8;
/// When a batch that found no room shall come again.
const FULL_RETRY: Duration = Duration::from_millis(200);
/// From this fill of the queue on senders are asked to wait.
const SLOW_FROM_PERCENT: usize = 50;
/// Templates remembered at most; then all are forgotten.
const TEMPLATES_MAX: usize = 10_000;

/// The rating path of this process. Cheap to clone; the writers end when the last clone is
/// gone and everything that waits is written.
#[derive(Clone)]
pub struct Ingest {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    queue: Arc<Queue>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What the writers work with.
pub(crate) struct Engine {
    app: Arc<App>,
    templates: Mutex<HashMap<(Uuid, Uuid), Arc<Template>>>,
}

impl Engine {
    fn recall(&self, org: Uuid, id: Uuid) -> Option<Arc<Template>> {
        let known = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(org, id)).cloned()
    }

    fn remember(&self, template: Arc<Template>) {
        let mut known = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TEMPLATES_MAX {
            known.clear();
        }
        known.insert((template.org, template.id), template);
    }
}

impl Ingest {
    /// Starts `writers` writers, 1 to [`WRITERS_MAX`]; on SQLite always one. Call it within a
    /// tokio runtime.
    pub fn start(app: Arc<App>, writers: usize) -> Self {
        // Said at the start, not at the first rating.
        let _ = crash_point::ack_before_commit();
        let writers = match app.db.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => writers.clamp(1, WRITERS_MAX),
        };
        let engine = Arc::new(Engine { app, templates: Mutex::default() });
        let queue = Arc::new(Queue::new(LIMITS));
        for _ in 0..writers {
            tokio::spawn(writer::run(engine.clone(), queue.clone()));
        }
        Self { shared: Arc::new(Shared { engine, queue }) }
    }

    /// Puts a batch into the queue; the receiver gets the answer once it is durable.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when the queue is full.
    pub fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Result<Answer>>> {
        let (reply, answer) = oneshot::channel();
        let mut devices: Vec<Uuid> = batch.items.iter().map(|item| item.device).collect();
        devices.sort_unstable();
        devices.dedup();
        if !self.shared.queue.push([Waiting { batch, devices, reply }]) {
            let text = "more ratings wait than can be stored soon";
            return Err(ServiceError::exhausted(Reason::Overloaded, text, FULL_RETRY));
        }
        Ok(answer)
    }

    /// Stores a batch and waits for it.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when the queue or the database's disk is full, UNAVAILABLE when the
    /// database is away. Then nothing is acknowledged, and sending it again is safe.
    pub async fn submit(&self, batch: Batch) -> Result<Answer> {
        if batch.items.is_empty() {
            return Ok(Answer::default());
        }
        let answer = answered(self.enqueue(batch)?.await)?;
        // The writer works outside of this call, which shall say where it wrote.
        if let Some(position) = &answer.position {
            consistency::note("device", position);
        }
        Ok(answer)
    }

    /// How long senders shall wait before their next batch.
    pub fn slow_down_ms(&self) -> i32 {
        let over = self.shared.queue.fill_percent().saturating_sub(SLOW_FROM_PERCENT);
        i32::try_from(over * 10).unwrap_or_default()
    }
}

/// The answer of a writer; one that died leaves it to the sender to send again.
pub fn answered(
    received: std::result::Result<Result<Answer>, oneshot::error::RecvError>,
) -> Result<Answer> {
    received.unwrap_or_else(|_| Err(ServiceError::unavailable("the ratings were not stored")))
}

/// How far a device's messages are stored, newest epoch first.
pub async fn acknowledgements(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
) -> Result<Vec<Acknowledgement>> {
    let epochs = rating_sequence::of_device(conn, org, device).await?;
    let told = epochs.into_iter().map(|(epoch, tracker)| {
        acknowledgement(Progress {
            device,
            epoch,
            contiguous: tracker.contiguous(),
            missing: tracker.missing(),
        })
    });
    Ok(told.collect())
}

/// As the contract says it.
pub fn acknowledgement(progress: Progress) -> Acknowledgement {
    let range = |r: device_domain::sequence::Range| SequenceRange { first: r.first, last: r.last };
    Acknowledgement {
        device: names::print("devices", progress.device),
        epoch: progress.epoch,
        contiguous_sequence: progress.contiguous,
        missing: progress.missing.into_iter().map(range).collect(),
    }
}
