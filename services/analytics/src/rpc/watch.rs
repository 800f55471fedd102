//! The stream of one watcher: a snapshot, then what changed since the last message. It takes
//! the newest state whenever the client is ready for a message, so nothing piles up.

use std::{collections::HashSet, sync::Arc, time::Duration};

use analytics_domain::plan::Group;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
    page::PageTokens,
};
use proto::{
    analytics::v1::{GroupBy, WatchFiguresRequest, WatchFiguresResponse},
    time,
};
use tokio::{
    sync::watch,
    time::{Interval, interval},
};
use tonic::Status;
use uuid::Uuid;

use super::{access, answer::Writer, request};
use crate::live::{Live, Newest, State, Topic};

/// How often the permission is checked again while nothing changes.
const RECHECK: Duration = Duration::from_secs(30);

/// One watcher.
pub struct Watcher {
    caller: Caller,
    topic: Topic,
    by_staff: bool,
    newest: Newest,
    live: Live,
    tokens: PageTokens,
    directory: watch::Receiver<String>,
    recheck: Interval,
    /// What the client was sent last.
    last: Option<Arc<State>>,
    /// What the client says it has: date and digest.
    resumed: Option<String>,
}

impl Watcher {
    /// Opens what a request asks for.
    ///
    /// # Errors
    /// NOT_FOUND and PERMISSION_DENIED as for queries, INVALID_ARGUMENT for another group or a
    /// token of another stream.
    pub fn open(
        live: &Live,
        tokens: &PageTokens,
        caller: Caller,
        message: &WatchFiguresRequest,
    ) -> Result<Self> {
        let unit = request::unit("unit", &message.unit)?;
        let group = match message.group_by() {
            GroupBy::Unspecified | GroupBy::Unit => Group::Unit,
            GroupBy::Window => Group::Window,
            GroupBy::Staff => Group::Staff,
            _ => {
                caller.authorize(unit)?;
                return Err(ServiceError::invalid("groupBy", "is none of unit, window and staff"));
            }
        };
        let by_staff = group == Group::Staff;
        let limited = access::check(&caller, &*caller.view()?, unit, by_staff, &[])?;
        let (staff, seen) = (limited.first().copied(), access::seen(&caller, unit));
        let topic = Topic { org: caller.org, unit, group, staff, seen };
        let resumed = tokens.decode(&filter(&topic), &message.resume_token)?;
        Ok(Self {
            newest: live.watch(topic.clone()),
            directory: caller.directory().changes(),
            caller,
            topic,
            by_staff,
            live: live.clone(),
            tokens: tokens.clone(),
            recheck: interval(RECHECK),
            last: None,
            resumed,
        })
    }

    /// The messages.
    pub fn stream(self) -> BoxStream<'static, std::result::Result<WatchFiguresResponse, Status>> {
        let messages = stream::try_unfold(self, |mut watcher| async move {
            let message = watcher.next().await.map_err(Status::from)?;
            Ok(message.map(|message| (message, watcher)))
        });
        messages.boxed()
    }

    async fn next(&mut self) -> Result<Option<WatchFiguresResponse>> {
        loop {
            tokio::select! {
                changed = self.newest.changed() => {
                    if changed.is_err() {
                        return Err(ServiceError::unavailable("the service is stopping"));
                    }
                    let newest = self.newest.borrow_and_update().clone();
                    if let Some(state) = newest.transpose()? {
                        self.check()?;
                        return self.message(state).map(Some);
                    }
                }
                _ = self.recheck.tick() => self.check()?,
                Ok(()) = self.directory.changed() => self.check()?,
                () = self.live.stopped().cancelled() => {
                    return Err(ServiceError::unavailable("the service is stopping"));
                }
            }
        }
    }

    /// Whether the caller may still see this.
    fn check(&self) -> Result<()> {
        self.caller.recheck()?;
        let view = self.caller.view()?;
        let limited = access::check(&self.caller, &view, self.topic.unit, self.by_staff, &[])?;
        let seen = access::seen(&self.caller, self.topic.unit);
        if limited.first().copied() == self.topic.staff && seen == self.topic.seen {
            Ok(())
        } else {
            Err(ServiceError::denied())
        }
    }

    fn message(&mut self, state: Arc<State>) -> Result<WatchFiguresResponse> {
        let view = self.caller.view()?;
        let answer = &state.answer;
        let has = mark(&state);
        let unchanged = self.resumed.take().is_some_and(|had| had == has);
        let known = match &self.last {
            Some(last) if last.date == state.date && !lost_rows(last, &state) => Some(last),
            _ => None,
        };
        let snapshot = known.is_none() && !unchanged;
        let (templates, classes) = (&answer.templates, &answer.classes);
        let writer = Writer::new(&view, templates, classes, None);
        let rows = answer.rows.iter().filter(|row| match known {
            Some(last) => !last.answer.rows.contains(row),
            None => snapshot,
        });
        let rows = rows.map(|row| writer.row(row)).collect();
        let message = WatchFiguresResponse {
            snapshot,
            rows,
            total: Some(writer.row(&answer.total)),
            as_of: Some(time::from_us(answer.mark.as_of_us)),
            resume_token: self.tokens.encode(&filter(&self.topic), &has),
        };
        self.last = Some(state);
        Ok(message)
    }
}

/// What a token remembers.
fn mark(state: &State) -> String {
    format!("{} {}", state.date, state.digest)
}

/// What a token belongs to.
fn filter(topic: &Topic) -> String {
    let staff = topic.staff.unwrap_or(Uuid::nil());
    format!("figures {} {} {:?} {staff}", topic.org, topic.unit, topic.group)
}

/// Whether a row was there that is no more: a delta cannot say so.
fn lost_rows(last: &State, now: &State) -> bool {
    let keys: HashSet<_> = now.answer.rows.iter().map(|row| &row.key).collect();
    last.answer.rows.iter().any(|row| !keys.contains(&row.key))
}
