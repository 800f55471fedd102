//! Batches of ratings as they come and as they are answered: by call and by stream alike.

use std::sync::Arc;

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::Kind,
    device::v1::{
        BatchCreateRatingsRequest, BatchCreateRatingsResponse, RatingMessage, RatingResult,
    },
    names,
};
use uuid::Uuid;

use super::rating_convert::{refused, result};
use crate::ingest::{
    acknowledgement,
    batch::{Answer, Authority, Batch, Item, Refusal},
    parse,
};

/// A batch on its way: what the writer gets, and what is known of the rest.
pub struct Prepared {
    /// For the writer.
    pub batch: Batch,
    /// Results; those of messages in the batch hold only their ids and receipts.
    pub open: Open,
}

/// Results that wait for the writer's verdicts.
pub struct Open {
    results: Vec<Slot>,
}

enum Slot {
    Known(RatingResult),
    Waiting(String, Uuid),
}

/// For which devices a caller may send.
///
/// # Errors
/// PERMISSION_DENIED for a device credential that names no device.
pub fn authority(caller: &Caller) -> Result<Authority> {
    match (caller.kind, caller.device) {
        (Kind::Device, Some(device)) => Ok(Authority::Device(device)),
        (Kind::Device, None) => Err(ServiceError::denied()),
        _ => Ok(Authority::Bridge(Arc::new(caller.visible()?))),
    }
}

/// Checks each message of a request that was checked as a whole.
///
/// # Errors
/// PERMISSION_DENIED when a device speaks for another one.
pub fn prepare(
    org: Uuid,
    authority: Authority,
    request: BatchCreateRatingsRequest,
    receive_us: i64,
) -> Result<Prepared> {
    let mut items = Vec::with_capacity(request.ratings.len());
    let mut results = Vec::with_capacity(request.ratings.len());
    for message in request.ratings {
        let rating_id = message.rating_id.clone();
        match device_of(&authority, &message)?.and_then(|device| parse::item(device, message)) {
            Ok(item) => {
                results.push(Slot::Waiting(rating_id, item.receipt));
                items.push(item);
            }
            Err(refusal) => results.push(Slot::Known(refused(shortened(rating_id), refusal))),
        }
    }
    let clock = request.clock.map(parse::clock);
    let batch = Batch { org, authority, clock, receive_us, items };
    Ok(Prepared { batch, open: Open { results } })
}

/// The id of a refused message may be anything; the answer does not grow with it.
fn shortened(rating_id: String) -> String {
    if rating_id.len() <= 64 { rating_id } else { rating_id.chars().take(36).collect() }
}

fn device_of(
    authority: &Authority,
    message: &RatingMessage,
) -> Result<std::result::Result<Uuid, Refusal>> {
    let named = names::parse("devices", &message.device);
    let Authority::Device(own) = authority else {
        let text = if message.device.is_empty() { "is required" } else { "is no device name" };
        return Ok(named.ok_or_else(|| Refusal::invalid("device", text)));
    };
    match named {
        _ if message.device.is_empty() => Ok(Ok(*own)),
        Some(device) if device == *own => Ok(Ok(*own)),
        Some(_) => Err(ServiceError::denied()),
        None => Ok(Err(Refusal::invalid("device", "is no device name"))),
    }
}

/// Prepares messages whose items were made elsewhere.
pub fn prepared(
    org: Uuid,
    authority: Authority,
    made: Vec<(String, std::result::Result<Item, Refusal>)>,
    receive_us: i64,
) -> Prepared {
    let mut items = Vec::with_capacity(made.len());
    let mut results = Vec::with_capacity(made.len());
    for (rating_id, item) in made {
        match item {
            Ok(item) => {
                results.push(Slot::Waiting(rating_id, item.receipt));
                items.push(item);
            }
            Err(refusal) => results.push(Slot::Known(refused(shortened(rating_id), refusal))),
        }
    }
    Prepared {
        batch: Batch { org, authority, clock: None, receive_us, items },
        open: Open { results },
    }
}

impl Open {
    /// The results, in the order of the messages.
    pub fn results(self, verdicts: Vec<crate::ingest::batch::Verdict>) -> Vec<RatingResult> {
        let mut verdicts = verdicts.into_iter();
        let results = self.results.into_iter().filter_map(|slot| match slot {
            Slot::Known(known) => Some(known),
            Slot::Waiting(rating_id, receipt) => {
                Some(result(rating_id, Some(receipt), verdicts.next()?))
            }
        });
        results.collect()
    }

    /// The answer to a batch that was written.
    pub fn close(self, answer: Answer, slow_down_ms: i32) -> BatchCreateRatingsResponse {
        BatchCreateRatingsResponse {
            acknowledgements: answer.progress.into_iter().map(acknowledgement).collect(),
            results: self.results(answer.verdicts),
            slow_down_ms,
        }
    }

    /// The answer to a batch that was not written: its messages shall come again.
    pub fn postpone(self, error: &ServiceError, slow_down_ms: i32) -> BatchCreateRatingsResponse {
        let results = self.results.into_iter().map(|slot| match slot {
            Slot::Known(known) => known,
            Slot::Waiting(rating_id, _) => {
                let text = error.message();
                refused(rating_id, Refusal::retryable(error.code(), error.reason(), text))
            }
        });
        BatchCreateRatingsResponse {
            results: results.collect(),
            slow_down_ms,
            ..Default::default()
        }
    }
}
