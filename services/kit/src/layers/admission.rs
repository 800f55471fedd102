//! Keeps the work in flight below what the process can finish in time. What matters least is
//! refused first: each shed class may fill only its share of the limit, and the limit follows
//! what calls take (additive increase, multiplicative decrease).
//!
//! Unary calls only: streams are bounded where they are opened, and hold no worker while they
//! wait. Health stands beside this layer.

mod limit;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use proto::{
    common::v1::Reason,
    methods::{Method, table},
};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};
use tonic::body::Body;
use tower::{Layer, Service};

use self::limit::{Limit, room_of};
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

/// Makes [`Admission`]; its clones share one limit.
#[derive(Clone)]
pub struct AdmissionLayer {
    shared: Arc<Shared>,
}

impl AdmissionLayer {
    /// With the limit of a fresh process.
    pub fn new() -> Self {
        Self::waiting(WAIT_MAX)
    }

    fn waiting(wait_max: Duration) -> Self {
        Self { shared: Arc::new(Shared { wait_max, state: Mutex::default() }) }
    }
}

impl Default for AdmissionLayer {
    fn default() -> Self {
        Self::new()
    }
}

struct Shared {
    wait_max: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    limit: Limit,
    /// Cost of the calls that run.
    in_flight: u32,
    /// Those that wait, by class, oldest first; senders whose receivers are gone have given up.
    waiting: [std::collections::VecDeque<(u32, oneshot::Sender<()>)>; CLASSES],
}

impl State {
    fn has_room(&self, class: usize, cost: u32) -> bool {
        // Sign-out, revocation and the like are never refused for what others do.
        class == 0 || self.in_flight + cost <= room_of(class, self.limit.cost())
    }

    /// Lets waiting calls in, the most important class first.
    fn wake(&mut self) {
        for class in 0..CLASSES {
            while let Some((cost, _)) = self.waiting[class].front() {
                let cost = *cost;
                if !self.has_room(class, cost) {
                    return;
                }
                let (_, waiter) = self.waiting[class].pop_front().expect("there is a first");
                if waiter.send(()).is_ok() {
                    self.in_flight += cost;
                }
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; should it ever, the counts are still usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room. `None` when there is none in time.
    async fn enter(self: &Arc<Self>, class: usize, cost: u32) -> Option<Permit> {
        let waiter = {
            let mut state = self.state();
            if state.has_room(class, cost) {
                state.in_flight += cost;
                return Some(self.permit(class, cost));
            }
            if state.waiting.iter().map(|queue| queue.len()).sum::<usize>() >= WAITING_MAX {
                return None;
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting[class].push_back((cost, sender));
            receiver
        };
        let mut waiter = Waiter { shared: self.clone(), cost, receiver: Some(waiter) };
        match timeout(self.wait_max, waiter.receiver.as_mut()?).await {
            Ok(Ok(())) => {
                waiter.receiver = None;
                Some(self.permit(class, cost))
            }
            _ => None,
        }
    }

    fn permit(self: &Arc<Self>, class: usize, cost: u32) -> Permit {
        Permit { shared: self.clone(), class, cost, since: Instant::now() }
    }

    fn leave(&self, cost: u32) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(cost);
        state.wake();
    }
}

/// A call that waits. Room that was given to it at the moment at which it gave up goes back.
struct Waiter {
    shared: Arc<Shared>,
    cost: u32,
    receiver: Option<oneshot::Receiver<()>>,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some(mut receiver) = self.receiver.take() else { return };
        receiver.close();
        if receiver.try_recv().is_ok() {
            self.shared.leave(self.cost);
        }
    }
}

/// Room for one call, given back when it is dropped.
struct Permit {
    shared: Arc<Shared>,
    class: usize,
    cost: u32,
    since: Instant,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let took = self.since.elapsed();
        {
            let mut state = self.shared.state();
            let in_flight = state.in_flight;
            state.limit.note(self.class, took, in_flight, Instant::now());
        }
        self.shared.leave(self.cost);
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
        let (class, cost) = (class_of(method), method.weight());
        let waiting = self.inner.clone();
        // The clone is not known to be ready; this one is.
        let mut inner = std::mem::replace(&mut self.inner, waiting);
        let shared = self.shared.clone();
        Box::pin(async move {
            let Some(_permit) = shared.enter(class, cost).await else {
                metrics::counter!("rpc_shed_total", "class" => class.to_string()).increment(1);
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
