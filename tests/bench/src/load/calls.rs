//! Many callers that each wait for the answer before the next call.

use std::future::Future;

use tokio::{task::JoinSet, time::Instant};

use super::{Outcome, Slice};
use crate::error::{Error, Result};

/// Runs `callers` closed loops of `call`, which gets the number of its caller. The first
/// failure ends all.
pub async fn run<F, Fut>(callers: usize, slice: Slice, call: F) -> Result<Outcome>
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        tasks.spawn(repeat(caller, slice, call.clone()));
    }
    let mut all = Outcome { time: slice.length(), ..Outcome::default() };
    while let Some(ended) = tasks.join_next().await {
        let outcome = ended.map_err(|e| Error::Unsound(format!("a caller broke: {e}")))?;
        all.add(outcome?);
    }
    Ok(all)
}

async fn repeat<F, Fut>(caller: usize, slice: Slice, call: F) -> Result<Outcome>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut outcome = Outcome::default();
    loop {
        let began = Instant::now();
        if began >= slice.until {
            return Ok(outcome);
        }
        call(caller).await?;
        let now = Instant::now();
        outcome.acknowledged += 1;
        if slice.holds(now) {
            outcome.measured += 1;
            outcome.latencies.record(now - began);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_the_measured_time_is_counted() {
        let slice = Slice::now(Duration::from_millis(200), Duration::from_millis(200));
        let outcome = run(2, slice, |_| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(())
        })
        .await
        .unwrap();
        assert!(outcome.measured > 0 && outcome.measured < outcome.acknowledged);
        assert_eq!(outcome.latencies.count(), outcome.measured);
        assert!(outcome.rate() <= 200.0, "{}", outcome.rate());
    }

    #[tokio::test]
    async fn a_failure_ends_the_measurement() {
        let slice = Slice::now(Duration::ZERO, Duration::from_secs(60));
        let failed = run(4, slice, |_| async { Err(Error::Unsound("no".to_owned())) }).await;
        assert!(failed.is_err());
    }
}
