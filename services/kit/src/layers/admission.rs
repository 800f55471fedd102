//! Keeps the work in flight below what the process can finish in time. What matters least is
//! refused first: each shed class may fill only its share of the limit, and the limit follows
//! what calls take (additive increase, multiplicative decrease).
//!
//! Unary calls only: streams are bounded where they are opened, and hold no worker while they
//! wait. Health stands beside this layer.

mod limit;
mod queue;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use proto::{
    common::v1::Reason,
    methods::{Method, table},
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tonic::body::Body;
use tower::{Layer, Service, layer::util::Identity};
use uuid::Uuid;

use self::{
    limit::{Limit, room_of},
    queue::Queue,
};
use super::{Answer, refuse};
use crate::error::ServiceError;

/// How long a call may wait for room: long enough for a burst to pass, short enough for a
/// refusal to be news.
const WAIT_MAX: Duration = Duration::from_millis(40);
/// What a refused caller is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Calls that wait at once, whatever their class.
const WAITING_MAX: usize = 1_024;
/// Shed classes of the contract: 0 to 5.
const CLASSES: usize = 6;

/// Knows whose call it is without any of the work that admission is to save.
pub trait Acquainted {
    /// Organisation of a known caller. All strangers count as one organisation, the nil one;
    /// the installation's own processes as another.
    fn whose(&self, headers: &HeaderMap) -> Uuid;
}

impl Acquainted for Identity {
    fn whose(&self, _: &HeaderMap) -> Uuid {
        Uuid::nil()
    }
}

/// Says whose a call is.
type Whose = Arc<dyn Fn(&HeaderMap) -> Uuid + Send + Sync>;

/// Makes [`Admission`]; its clones share one limit.
#[derive(Clone)]
pub struct AdmissionLayer {
    shared: Arc<Shared>,
}

impl AdmissionLayer {
    /// With the limit of a fresh process. `acquainted` tells organisations apart.
    pub fn new(acquainted: impl Acquainted + Send + Sync + 'static) -> Self {
        Self::waiting(WAIT_MAX, Arc::new(move |headers| acquainted.whose(headers)))
    }

    fn waiting(wait_max: Duration, whose: Whose) -> Self {
        Self { shared: Arc::new(Shared { wait_max, whose, state: Mutex::default() }) }
    }
}

struct Shared {
    wait_max: Duration,
    whose: Whose,
    state: Mutex<State>,
}

/// What a call takes, and from whom.
#[derive(Debug, Clone, Copy)]
struct Claim {
    class: usize,
    cost: u32,
    whose: Uuid,
}

#[derive(Default)]
struct State {
    limit: Limit,
    /// Cost of the calls that run.
    in_flight: u32,
    /// The same by organisation, where it is not 0.
    by_whose: HashMap<Uuid, u32>,
    /// Those that wait, by class.
    waiting: [Queue; CLASSES],
}

impl State {
    fn has_room(&self, claim: Claim) -> bool {
        let Claim { class, cost, whose } = claim;
        let room = room_of(class, self.limit.cost());
        let own = self.by_whose.get(&whose).copied().unwrap_or_default();
        // Sign-out, revocation and the like are never refused for what others do.
        class == 0
            // An eighth stays for others: who comes rarely finds room at once.
            || self.in_flight + cost <= room && own + cost <= room - room / 8
    }

    fn take(&mut self, whose: Uuid, cost: u32) {
        self.in_flight += cost;
        *self.by_whose.entry(whose).or_default() += cost;
    }

    fn give_back(&mut self, whose: Uuid, cost: u32) {
        self.in_flight = self.in_flight.saturating_sub(cost);
        if let Some(own) = self.by_whose.get_mut(&whose) {
            *own = own.saturating_sub(cost);
            if *own == 0 {
                self.by_whose.remove(&whose);
            }
        }
    }

    /// Lets waiting calls in, the most important class first.
    fn wake(&mut self) {
        for class in 0..CLASSES {
            let mut queue = std::mem::take(&mut self.waiting[class]);
            while let Some((whose, cost)) =
                queue.let_in(|whose, cost| self.has_room(Claim { class, cost, whose }))
            {
                self.take(whose, cost);
            }
            self.waiting[class] = queue;
        }
    }

    /// Whether one more call may wait. Where too many do, it takes the place of one that
    /// matters less, or of one of an organisation that has more waiting.
    fn may_wait(&mut self, claim: Claim) -> bool {
        let len = |state: &Self| state.waiting.iter().map(Queue::len).sum::<usize>();
        if len(self) < WAITING_MAX {
            return true;
        }
        self.waiting.iter_mut().for_each(Queue::tidy);
        if len(self) < WAITING_MAX {
            return true;
        }
        let Claim { class, whose, .. } = claim;
        let least = (class..CLASSES).rev().find(|class| self.waiting[*class].len() > 0);
        let Some(least) = least else { return false };
        let queue = &mut self.waiting[least];
        let yields = least > class || queue.longest() > queue.len_of(whose) + 1;
        if yields {
            queue.send_away();
        }
        yields
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; should it ever, the counts are still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room. `None` when there is none in time.
    async fn enter(self: &Arc<Self>, claim: Claim) -> Option<Permit> {
        let waiter = {
            let mut state = self.state();
            if state.has_room(claim) {
                state.take(claim.whose, claim.cost);
                return Some(self.permit(claim));
            }
            if !state.may_wait(claim) {
                return None;
            }
            state.waiting[claim.class].push(claim.whose, claim.cost)
        };
        let mut waiter = Waiter { shared: self.clone(), claim, receiver: Some(waiter) };
        match timeout(self.wait_max, waiter.receiver.as_mut()?).await {
            Ok(Ok(())) => {
                waiter.receiver = None;
                Some(self.permit(claim))
            }
            _ => None,
        }
    }

    fn permit(self: &Arc<Self>, claim: Claim) -> Permit {
        Permit { shared: self.clone(), claim, since: Instant::now() }
    }

    fn leave(&self, claim: Claim) {
        let mut state = self.state();
        state.give_back(claim.whose, claim.cost);
        state.wake();
    }
}

/// A call that waits. Room that was given to it at the moment at which it gave up goes back.
struct Waiter {
    shared: Arc<Shared>,
    claim: Claim,
    receiver: Option<oneshot::Receiver<()>>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some(mut receiver) = self.receiver.take() else { return };
        receiver.close();
        if receiver.try_recv().is_ok() {
            self.shared.leave(self.claim);
        }
    }
}

/// Room for one call, given back when it is dropped.
struct Permit {
    shared: Arc<Shared>,
    claim: Claim,
    since: Instant,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        {
            let mut state = self.shared.state();
            let in_flight = state.in_flight;
            state.limit.note(self.claim.class, took, in_flight, Instant::now());
        }
        self.shared.leave(self.claim);
    }
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = Admission<S>;

    fn layer(&self, inner: S) -> Admission<S> {
        Admission { inner, shared: self.shared.clone() }
    }
}

/// Lets calls in as long as there is room.
#[derive(Clone)]
pub struct Admission<S> {
    inner: S,
    shared: Arc<Shared>,
}

fn is_unary(method: &Method) -> bool {
    !method.descriptor.is_client_streaming() && !method.descriptor.is_server_streaming()
}

fn class_of(method: &Method) -> usize {
    usize::try_from(method.rule.shed_class).map_or(CLASSES - 1, |class| class.min(CLASSES - 1))
}

impl<S> Service<Request<Body>> for Admission<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let method = table().get(request.uri().path()).filter(|method| is_unary(method));
        let Some(method) = method else { return Box::pin(self.inner.call(request)) };
        let whose = (self.shared.whose)(request.headers());
        let claim = Claim { class: class_of(method), cost: method.weight(), whose };
        let waiting = self.inner.clone();
        // The clone is not known to be ready; this one is.
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        let shared = self.shared.clone();
        Box::pin(async move {
            let Some(_permit) = shared.enter(claim).await else {
                let class = claim.class.to_string();
                metrics::counter!("rpc_shed_total", "class" => class).increment(1);
                return Ok(refuse(overloaded()));
            };
            inner.call(request).await
        })
    }
}

fn overloaded() -> ServiceError {
    let text = "the service has more work than it can finish in time; try again later";
    ServiceError::exhausted(Reason::Overloaded, text, RETRY_AFTER)
}

#[cfg(test)]
mod tests;
