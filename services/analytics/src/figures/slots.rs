//! Bounds how many questions are answered at once. Dear questions would otherwise take all
//! connections, and upkeep of the cells would wait behind them.

use std::{sync::Arc, time::Duration};

use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Questions answered at once.
const AT_ONCE: usize = 8;
/// Questions answered or waiting; more are refused.
const ADMITTED: usize = 64;
/// When a refused caller may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Places for questions. Cheap to clone.
#[derive(Clone)]
pub struct Slots(Arc<(Semaphore, Semaphore)>);

/// A place, while it lives.
pub struct Slot<'a>(#[expect(dead_code, reason = "held")] [SemaphorePermit<'a>; 2]);

impl Default for Slots {
    fn default() -> Self {
        Self(Arc::new((Semaphore::new(ADMITTED), Semaphore::new(AT_ONCE))))
    }
}

impl Slots {
    /// Waits for a place.
    ///
    /// # Errors
    /// OVERLOADED when too many wait already.
    pub async fn enter(&self) -> Result<Slot<'_>> {
        let (admitted, at_once) = &*self.0;
        let admitted = admitted.try_acquire().map_err(|_| {
            let text = "too many questions at once";
            ServiceError::exhausted(Reason::Overloaded, text, RETRY_AFTER)
        })?;
        let place = at_once.acquire().await.map_err(ServiceError::internal)?;
        Ok(Slot([admitted, place]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_may_wait_are_refused_and_places_come_back() {
        let slots = Slots::default();
        let mut inside = Vec::new();
        for _ in 0..AT_ONCE {
            inside.push(slots.enter().await.unwrap());
        }
        let mut waiting = Vec::new();
        for _ in AT_ONCE..ADMITTED {
            let mut entering = Box::pin(slots.enter());
            assert!(futures::poll!(&mut entering).is_pending());
            waiting.push(entering);
        }
        let refused = slots.enter().await.err().unwrap();
        assert_eq!(refused.reason(), Reason::Overloaded);
        drop((inside, waiting));
        assert!(slots.enter().await.is_ok());
    }
}
