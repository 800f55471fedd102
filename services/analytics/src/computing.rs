//! Long computations: on threads of their own, and only as long as somebody waits for them.

use analytics_domain::stop::Stop;
use kit::error::{Result, ServiceError};

/// Tells a computation to stop when whoever waits for it goes away.
struct Waiting(Stop);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.ask();
    }
}

/// Computes without keeping other calls waiting for this thread. When the caller goes away, its
/// deadline passes or its connection breaks, the computation is told to stop; the loops of the
/// domain that may take long look out for that.
///
/// # Errors
/// INTERNAL for a panic.
pub async fn compute<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let stop = Stop::default();
    let waiting = Waiting(stop.clone());
    let found = tokio::task::spawn_blocking(move || stop.within(run)).await;
    drop(waiting);
    found.map_err(ServiceError::internal)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use analytics_domain::{
        measures::{
            covariance::Covariances,
            resample::{Draws, Rows, replicate},
        },
        stop,
    };
    use tokio::sync::oneshot;

    use super::*;

    /// Longer than any of these may take: what does not stop fails, and does not hang.
    const LONG: Duration = Duration::from_secs(20);

    /// More resamples than can be drawn in that time.
    fn endless(started: oneshot::Sender<()>) {
        let rows: Vec<Vec<Option<f64>>> =
            (0..2_000).map(|i| vec![Some(f64::from(i % 7)), Some(f64::from(i % 5))]).collect();
        let whole = Covariances::of_rows(&rows, 2);
        let rows = Rows::new(&whole, rows.iter().map(|row| row.iter().copied()));
        started.send(()).unwrap();
        let draws = Draws::Seeded { count: 3_000_000, seed: 1 };
        replicate(&rows, &draws, 1, || (), |(), _, out| out[0] = 1.0);
    }

    #[tokio::test]
    async fn work_ends_when_nobody_waits_for_it_any_more() {
        let (started, is_started) = oneshot::channel();
        let (ended, is_ended) = oneshot::channel();
        let call = tokio::spawn(compute(move || {
            endless(started);
            ended.send(stop::present().is_asked()).unwrap();
        }));
        is_started.await.unwrap();
        assert!(!call.is_finished(), "somebody waits, so it goes on");
        call.abort();
        let told = tokio::time::timeout(LONG, is_ended).await.expect("it ends soon");
        assert_eq!(told, Ok(true), "and because it was told to");
    }

    #[tokio::test]
    async fn what_is_waited_for_is_never_told_to_stop() {
        let until = Instant::now() + Duration::from_millis(50);
        let told = compute(move || {
            while Instant::now() < until && !stop::present().is_asked() {
                std::thread::yield_now();
            }
            stop::present().is_asked()
        });
        assert!(!told.await.unwrap());
    }
}
