//! Waiting for something to become true, with an end.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Longest wait for what should happen within a second or two; generous, since tests share
/// few processors.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until `check` gives something, at most for [`PATIENCE`].
///
/// # Panics
/// When it never does; `what` says what was waited for.
pub async fn patiently<T, F, Fut>(what: &str, check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    until(what, PATIENCE, check).await
}

/// The same with another limit.
///
/// # Panics
/// When the time is over.
pub async fn until<T, F, Fut>(what: &str, limit: Duration, mut check: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let began = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(began.elapsed() < limit, "waited {limit:?} in vain for: {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}
