//! Following the feeds: units first, then the facts that name them; again from the cursor
//! whenever cells begin anew; and looking for what other replicas applied.

use std::{sync::Arc, time::Duration};

use kit::{
    auth::InternalTokens,
    clock::SharedClock,
    db::Db,
    directory::Directory,
    feed::{
        AuthFeed, DeviceFeed, FeedSource, Inbox, SurveyFeed, catch_up, compare_positions, follow,
    },
    lease::Lease,
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    apply::Applier,
    changes::Changes,
    freshness::{AUTH, Freshness},
    service::Peers,
};

/// How often the cursor is looked at for what another replica applied, while that one follows.
const POLL: Duration = Duration::from_millis(150);
/// How often the source is asked whether there is more.
const LOOK: Duration = Duration::from_secs(1);
/// Pause before auth's feed is tried again at start.
const RETRY: Duration = Duration::from_millis(500);

/// A feed of facts and whoever applies it.
#[derive(Clone)]
pub struct Followed {
    /// Applies it.
    pub applier: Arc<Applier>,
    /// Knows how far it is.
    pub freshness: Freshness,
}

/// Follows all feeds.
pub struct Following {
    /// The service's database.
    pub db: Db,
    /// Units.
    pub directory: Directory,
    /// Whom to tell of changes.
    pub changes: Changes,
    /// Time.
    pub clock: SharedClock,
    /// Tokens for the other services.
    pub tokens: InternalTokens,
    /// The other services.
    pub peers: Peers,
    /// Ratings and encounters.
    pub ratings: Followed,
    /// Answers to questionnaires.
    pub answers: Followed,
    /// Which replica follows the feeds of facts: all share the database.
    pub lease: Lease,
}

impl Following {
    /// First the units, then the facts that name them, until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let auth = AuthFeed::new(self.peers.auth.clone(), self.tokens.clone());
        while let Err(error) = catch_up(&auth, &self.directory).await {
            tracing::info!(%error, "waiting for the auth service");
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(RETRY) => {}
            }
        }
        let directory = Arc::new(self.directory.clone());
        let device = DeviceFeed::new(self.peers.device.clone(), self.tokens.clone());
        let survey = SurveyFeed::new(self.peers.survey.clone(), self.tokens.clone());
        tokio::join!(
            follow(AUTH, auth, directory, stop.clone()),
            self.lease.keep(stop.clone()),
            self.follow(&self.ratings, device.clone(), stop.clone()),
            self.follow(&self.answers, survey.clone(), stop.clone()),
            self.look_around(&self.ratings, device, stop.clone()),
            self.look_around(&self.answers, survey, stop.clone()),
            self.ratings.applier.retry_parked(stop.clone()),
            self.answers.applier.retry_parked(stop),
        );
    }

    /// Follows a feed while it is this replica's turn, again from the cursor whenever the cells
    /// begin anew.
    async fn follow(
        &self,
        followed: &Followed,
        feed: impl FeedSource + Clone,
        stop: CancellationToken,
    ) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.lease.held() => {}
            }
            let (name, applier) = (followed.freshness.source(), followed.applier.clone());
            let following = follow(name, feed.clone(), applier, stop.child_token());
            tokio::select! {
                () = following => {}
                () = followed.applier.restarted() => {}
                () = self.lease.lost() => {}
            }
        }
    }

    /// Looks for what other replicas applied, and whether the feed goes on after it.
    async fn look_around(
        &self,
        followed: &Followed,
        feed: impl FeedSource,
        stop: CancellationToken,
    ) {
        let mut seen = String::new();
        let mut looked = Instant::now();
        loop {
            let pause = if self.lease.is_held() { LOOK } else { POLL };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
            let source = followed.freshness.source();
            let Ok(cursor) = Inbox::cursor(self.db.read(), source).await else { continue };
            let here = followed.freshness.applied_here();
            if cursor != seen && cursor != here {
                self.changes.publish_all();
                if compare_positions(&cursor, &here).is_ok_and(std::cmp::Ordering::is_lt) {
                    followed.applier.restart();
                }
            }
            seen.clone_from(&cursor);
            if looked.elapsed() < LOOK {
                continue;
            }
            looked = Instant::now();
            let now_us = self.clock.now_us();
            let page = feed.list(cursor.clone()).await;
            if page.is_ok_and(|page| page.groups.is_empty()) {
                followed.freshness.saw_end(&cursor, now_us);
            }
        }
    }
}
