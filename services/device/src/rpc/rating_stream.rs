//! Ratings as a stream: one answer per batch, in order. At most two batches are read ahead of
//! their answers, so a sender that is faster than the disk is slowed down by the transport.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesOrdered},
};
use kit::{
    auth::{Caller, caller},
    clock::SharedClock,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::{Kind, Reason},
    device::v1::{BatchCreateRatingsRequest, BatchCreateRatingsResponse},
    validate::violations,
};
use tonic::{Code, Request, Status, Streaming};
use uuid::Uuid;

use super::rating_submit::{Prepared, authority, prepare};
use crate::ingest::{Ingest, answered, batch::Authority};

/// Batches that may be unacknowledged.
const UNACKNOWLEDGED_MAX: usize = 2;
/// Streams of one device: the one it uses, and the one it lost without our knowing.
const DEVICE_STREAMS_MAX: usize = 2;
/// Streams of one bridge.
const BRIDGE_STREAMS_MAX: usize = 32;
/// A stream on which nothing comes for this long is ended; its sender opens another. Tests do
/// not wait a minute.
pub const SILENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 60 });
/// How often the caller's standing is looked at again while the stream is open.
const RECHECK: Duration = Duration::from_secs(15);
/// What a sender is asked to wait when the queue is full.
const FULL_PAUSE_MS: i32 = 500;

/// Answers of a stream.
pub type Answers =
    Pin<Box<dyn Stream<Item = std::result::Result<BatchCreateRatingsResponse, Status>> + Send>>;

/// Streams that are open, by device or client.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Mutex<HashMap<Uuid, usize>>>);

struct Slot {
    uploads: Uploads,
    key: Uuid,
}

impl Uploads {
    fn enter(&self, key: Uuid, most: usize) -> Result<Slot> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key).or_default();
        if *count >= most {
            let text = "the sender has as many upload streams as it may have";
            let retry = Duration::from_secs(5);
            return Err(ServiceError::exhausted(Reason::LimitReached, text, retry));
        }
        *count += 1;
        drop(open);
        Ok(Slot { uploads: self.clone(), key })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.uploads.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

type Answer = Result<BatchCreateRatingsResponse>;

struct Upload {
    ingest: Ingest,
    clock: SharedClock,
    caller: Caller,
    inbound: Streaming<BatchCreateRatingsRequest>,
    pending: FuturesOrdered<BoxFuture<'static, Answer>>,
    /// Nothing more will come, or nothing more is wanted after this error.
    ended: Option<std::result::Result<(), Status>>,
    heard: tokio::time::Instant,
    _slot: Slot,
}

/// Opens a stream.
///
/// # Errors
/// RESOURCE_EXHAUSTED for one stream too many.
pub fn upload(
    ingest: &Ingest,
    clock: &SharedClock,
    uploads: &Uploads,
    request: Request<Streaming<BatchCreateRatingsRequest>>,
) -> Result<Answers> {
    let caller = caller(&request)?;
    let slot = match (caller.kind, caller.device, caller.subject) {
        (Kind::Device, Some(device), _) => uploads.enter(device, DEVICE_STREAMS_MAX)?,
        (_, _, kit::directory::Subject::Client(client)) => {
            uploads.enter(client, BRIDGE_STREAMS_MAX)?
        }
        _ => return Err(ServiceError::denied()),
    };
    let upload = Upload {
        ingest: ingest.clone(),
        clock: clock.clone(),
        caller,
        inbound: request.into_inner(),
        pending: FuturesOrdered::new(),
        ended: None,
        heard: tokio::time::Instant::now(),
        _slot: slot,
    };
    Ok(Box::pin(stream::unfold(upload, |mut upload| async move {
        let next = upload.next().await?;
        Some((next, upload))
    })))
}

impl Upload {
    /// The next answer; nothing at the end. After an error comes the end.
    async fn next(&mut self) -> Option<std::result::Result<BatchCreateRatingsResponse, Status>> {
        loop {
            // What was read is answered before the stream ends, be it with an error.
            if self.pending.is_empty()
                && let Some(ended) = self.ended.take()
            {
                self.ended = Some(Ok(()));
                return ended.err().map(Err);
            }
            let may_read = self.ended.is_none() && self.pending.len() < UNACKNOWLEDGED_MAX;
            // Silence counts only while we listen.
            let silent_at = self.heard + SILENCE;
            let recheck = tokio::time::sleep(RECHECK);
            tokio::select! {
                biased;
                Some(answer) = self.pending.next(), if !self.pending.is_empty() => {
                    self.heard = tokio::time::Instant::now();
                    return Some(answer.map_err(Status::from));
                }
                message = self.inbound.message(), if may_read => {
                    self.heard = tokio::time::Instant::now();
                    self.take(message);
                }
                () = tokio::time::sleep_until(silent_at), if may_read => {
                    let text = "nothing came for a minute; open the stream again";
                    let code = Code::DeadlineExceeded;
                    let error = ServiceError::new(code, Reason::DeadlineExceeded, text);
                    self.ended = Some(Err(error.into()));
                }
                () = recheck, if self.ended.is_none() => {
                    if let Err(error) = self.caller.recheck() {
                        self.ended = Some(Err(error.into()));
                    }
                }
            }
        }
    }

    fn take(&mut self, message: std::result::Result<Option<BatchCreateRatingsRequest>, Status>) {
        let taken = match message {
            Ok(Some(request)) => self.begin(request).map_err(Status::from),
            Ok(None) => {
                self.ended = Some(Ok(()));
                return;
            }
            Err(status) => Err(status),
        };
        match taken {
            Ok(answer) => self.pending.push_back(answer),
            Err(status) => self.ended = Some(Err(status)),
        }
    }

    fn begin(&mut self, request: BatchCreateRatingsRequest) -> Result<BoxFuture<'static, Answer>> {
        self.caller.recheck()?;
        let broken = violations(&request);
        if !broken.is_empty() {
            return Err(ServiceError::invalid_fields(broken));
        }
        let authority: Authority = authority(&self.caller)?;
        let now_us = self.clock.now_us();
        let Prepared { batch, open } = prepare(self.caller.org, authority, request, now_us)?;
        let ingest = self.ingest.clone();
        if batch.items.is_empty() {
            let answer = open.close(Default::default(), ingest.slow_down_ms());
            return Ok(async move { Ok(answer) }.boxed());
        }
        let answer = match ingest.enqueue(batch) {
            Ok(receiver) => async move {
                match answered(receiver.await) {
                    Ok(answer) => Ok(open.close(answer, ingest.slow_down_ms())),
                    // The stream stays; its sender keeps the messages and sends them again.
                    Err(error) if error.is_retryable() => Ok(open.postpone(&error, FULL_PAUSE_MS)),
                    Err(error) => Err(error),
                }
            }
            .boxed(),
            Err(error) => {
                let answer = open.postpone(&error, FULL_PAUSE_MS);
                async move { Ok(answer) }.boxed()
            }
        };
        Ok(answer)
    }
}
