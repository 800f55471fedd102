//! Bytes that requests of this process may hold at once. Each request takes what it says it
//! will send before any of it is read, so that many large ones are refused one by one and
//! never end the process together.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use proto::common::v1::Reason;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Result, ServiceError};

/// What all requests of a process may hold, in KiB.
const KIB_MAX: u32 = 256 * 1024;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Bytes that are held until this is dropped.
#[derive(Debug)]
pub struct Held {
    _room: OwnedSemaphorePermit,
}

/// Holds `bytes` for a request.
///
/// # Errors
/// RESOURCE_EXHAUSTED when the requests that run hold too much.
pub fn hold(bytes: u64) -> Result<Held> {
    static ROOM: OnceLock<Arc<Semaphore>> = OnceLock::new();
    hold_of(ROOM.get_or_init(|| Arc::new(Semaphore::new(KIB_MAX as usize))), bytes)
}

fn hold_of(room: &Arc<Semaphore>, bytes: u64) -> Result<Held> {
    let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
    match room.clone().try_acquire_many_owned(kib) {
        Ok(room) => Ok(Held { _room: room }),
        Err(_) => {
            metrics::counter!("rpc_memory_refused_total").increment(1);
            let text = "the requests that are being read fill the memory set aside for them";
            Err(ServiceError::exhausted(Reason::Overloaded, text, RETRY_AFTER))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_refused_when_it_is_full_and_comes_back() {
        let room = Arc::new(Semaphore::new(8));
        let first = hold_of(&room, 7 * 1_024 + 1).unwrap();
        let refused = hold_of(&room, 1).unwrap_err();
        assert_eq!(refused.reason(), Reason::Overloaded);
        assert!(refused.retry_after().is_some());
        drop(first);
        hold_of(&room, 8 * 1_024).unwrap();
        assert!(hold_of(&room, u64::MAX).is_err());
    }
}
