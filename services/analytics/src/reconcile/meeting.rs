//! How a source and the cells are seen at the same position of its feed, while both go on.

use std::{cmp::Ordering, time::Duration};

use kit::{
    db::Db,
    error::{Result, ServiceError},
    feed::{Inbox, compare_positions},
    lease::Lease,
};
use tokio::time::{Instant, sleep};

use crate::{
    apply::Applier,
    store::{Snapshot, snapshot},
};

/// How long both sides may take to meet.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How long the replica that follows the feeds may take to hand that over.
const CLAIM_MAX: Duration = Duration::from_secs(6);
/// Pause between looks at the cursor.
const POLL: Duration = Duration::from_millis(20);

/// Where cells are met.
#[derive(Clone)]
pub struct Meeting {
    /// With the cells.
    pub db: Db,
    /// Of whoever follows the feeds.
    pub lease: Lease,
}

/// A moment on both sides: what the source is about to count, and the cells as they were then.
pub struct Moment<C> {
    /// Of the feed.
    pub position: String,
    /// The source's counts, of which none has been read.
    pub counting: C,
    /// The cells.
    pub cells: Snapshot,
}

impl Meeting {
    /// Meets with the source of `feed`, which `begins` to count and says at which position. The
    /// cells, made by `applier`, stand still from before that until they have been seen there.
    ///
    /// # Errors
    /// UNAVAILABLE when the cells do not come to the position in time, or somebody else meets at
    /// this moment, here or in another replica.
    pub async fn of<C>(
        &self,
        applier: &Applier,
        feed: &str,
        begins: impl Future<Output = Result<(C, Option<String>)>>,
    ) -> Result<Moment<C>> {
        // Only whoever follows the feeds can make them stand still.
        let _pinned = self.lease.claim(CLAIM_MAX).await?;
        let end = Instant::now() + TIME_MAX;
        // Nothing is applied between the source's moment and holding at its position, so the
        // cells cannot be further than the source was.
        let paused = applier.pause().await;
        let (counting, position) = begins.await?;
        let position =
            position.ok_or_else(|| ServiceError::unavailable("the source counts nothing"))?;
        let held = applier.hold().after(&position);
        let _held = held.ok_or_else(|| ServiceError::unavailable("a comparison is beginning"))?;
        drop(paused);
        let cells = self.reach(feed, &position, end).await?;
        Ok(Moment { position, counting, cells })
    }

    /// A snapshot in which the cells are exactly at `position`.
    async fn reach(&self, feed: &str, position: &str, end: Instant) -> Result<Snapshot> {
        loop {
            let snapshot = snapshot(&self.db).await?;
            let cursor = Inbox::cursor(snapshot.conn(), feed).await?;
            match compare_positions(&cursor, position)? {
                Ordering::Equal => return Ok(snapshot),
                Ordering::Greater => {
                    let text = "another replica has applied more meanwhile; try again";
                    return Err(ServiceError::unavailable(text));
                }
                Ordering::Less => snapshot.end().await?,
            }
            if Instant::now() >= end {
                let text = "analytics has not come as far as the source yet";
                return Err(ServiceError::unavailable(text));
            }
            sleep(POLL).await;
        }
    }
}
