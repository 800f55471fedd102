//! Today's figures of a unit, kept up to date for whoever watches them. Watchers of the same
//! figures share one computation; each takes the newest state when it is ready for it, so a
//! slow watcher costs no memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use analytics_domain::{
    period::Bound,
    plan::Group,
    time::{date_of, local_day},
};
use jiff::civil::Date;
use kit::{
    clock::SharedClock,
    directory::{Directory, OrgView},
    error::{Result, ServiceError},
};
use sha2::{Digest, Sha256};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    changes::{Changed, Changes, Listener},
    figures::{Answer, Figures, Filter, Question, ROWS_MAX},
    store::placements::Tree,
};

/// Changes within this time become one.
const COALESCE: Duration = Duration::from_millis(100);
/// How often the local date is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Without changes the state is made again after this time, for its `as_of`.
const REFRESH: Duration = Duration::from_secs(15);
/// Pause after an error.
const ERROR_PAUSE: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Organisation.
    pub org: Uuid,
    /// Unit.
    pub unit: Uuid,
    /// Groups of the rows.
    pub group: Group,
    /// Only this staff member.
    pub staff: Option<Uuid>,
    /// Units whose parts may be shown by name; none for all.
    pub seen: Vec<Uuid>,
}

/// Today's figures at one moment.
#[derive(Debug)]
pub struct State {
    /// Local date of the unit.
    pub date: Date,
    /// The figures.
    pub answer: Answer,
    /// Tells states apart by what they show: equal for equal rows.
    pub digest: String,
}

/// The newest state; nothing before the first one.
pub type Newest = watch::Receiver<Option<Result<Arc<State>>>>;

type Topics = Mutex<HashMap<Topic, watch::Sender<Option<Result<Arc<State>>>>>>;

/// Live figures. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    figures: Figures,
    directory: Directory,
    changes: Changes,
    clock: SharedClock,
    topics: Arc<Topics>,
    stop: CancellationToken,
}

impl Live {
    /// Computes with `figures` until `stop`.
    pub fn new(
        figures: Figures,
        directory: Directory,
        changes: Changes,
        clock: SharedClock,
        stop: CancellationToken,
    ) -> Self {
        Self { figures, directory, changes, clock, topics: Arc::default(), stop }
    }

    /// Ends when the service stops.
    pub fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// Watches a topic.
    pub fn watch(&self, topic: Topic) -> Newest {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = topics.get(&topic) {
            let mut newest = sender.subscribe();
            // What is there already is news to this watcher.
            newest.mark_changed();
            return newest;
        }
        let sender = watch::Sender::new(None);
        let receiver = sender.subscribe();
        topics.insert(topic.clone(), sender.clone());
        tokio::spawn(self.clone().run(topic, sender));
        receiver
    }

    /// Keeps a topic up to date while somebody watches it.
    async fn run(self, topic: Topic, sender: watch::Sender<Option<Result<Arc<State>>>>) {
        // Listens before the first look, so that no change falls between.
        let mut listener = self.changes.listen();
        loop {
            let state = self.compute(&topic).await;
            let failed = state.is_err();
            let date = state.as_ref().ok().map(|state| state.date);
            // An error shows only to those who have seen nothing yet; others wait.
            sender.send_if_modified(|newest| {
                let better = state.is_ok() || !matches!(newest, Some(Ok(_)));
                if better {
                    *newest = Some(state.map(Arc::new));
                }
                better
            });
            if failed {
                sleep(ERROR_PAUSE).await;
            }
            tokio::select! {
                () = self.wait(&topic, date, &mut listener) => {}
                () = sender.closed() => {}
                () = self.stop.cancelled() => {}
            }
            if self.stop.is_cancelled() || self.leave(&topic, &sender) {
                return;
            }
        }
    }

    /// Whether nobody watches any more; then the topic is gone. Under the lock, so that nobody
    /// joins a topic that ends.
    fn leave(&self, topic: &Topic, sender: &watch::Sender<Option<Result<Arc<State>>>>) -> bool {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let alone = sender.receiver_count() == 0;
        if alone {
            topics.remove(topic);
        }
        alone
    }

    /// Waits for a reason to compute again.
    async fn wait(&self, topic: &Topic, date: Option<Date>, listener: &mut Listener) {
        let refresh = Instant::now() + REFRESH;
        loop {
            tokio::select! {
                changed = listener.next() => {
                    if self.concerns(topic, &changed) {
                        sleep(COALESCE).await;
                        return;
                    }
                }
                () = sleep(TICK) => {
                    if self.today(topic).is_none_or(|(_, today)| Some(today) != date) {
                        return;
                    }
                }
                () = sleep_until(refresh) => return,
            }
        }
    }

    fn concerns(&self, topic: &Topic, changed: &Changed) -> bool {
        let Some(sites) = changed else { return true };
        let Some(view) = self.directory.organisation(topic.org) else { return true };
        // A press from before a move of the window belongs to its former site.
        let own_sites = view.sites_ever(topic.unit);
        sites.iter().any(|(org, site)| {
            // So does one at a branch that has left meanwhile.
            *org == topic.org && (own_sites.contains(site) || view.was_within(*site, topic.unit))
        })
    }

    fn today(&self, topic: &Topic) -> Option<(Arc<OrgView>, Date)> {
        let view = self.directory.organisation(topic.org)?;
        let zone = view.time_zone_of(topic.unit);
        let date = date_of(local_day(self.clock.now_us(), &zone).into());
        Some((view, date))
    }

    async fn compute(&self, topic: &Topic) -> Result<State> {
        let (view, date) = self.today(topic).ok_or_else(|| ServiceError::not_found("unit"))?;
        let question = Question {
            unit: topic.unit,
            from: Bound::Date(date),
            to: Bound::Date(date),
            time_zone: String::new(),
            groups: vec![topic.group],
            compare: None,
            earlier: None,
            filter: Filter { staff: topic.staff.into_iter().collect(), ..Filter::default() },
            confidence: 0.95,
            row_limit: ROWS_MAX,
            tree: Tree::AsOfService,
            seen: topic.seen.clone(),
        };
        let answer = self.figures.answer(&view, &question).await?;
        let digest = digest(&answer);
        Ok(State { date, answer, digest })
    }
}

fn digest(answer: &Answer) -> String {
    let shown = format!("{:?}{:?}{}", answer.rows, answer.total, answer.definition);
    Sha256::digest(shown).iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}
