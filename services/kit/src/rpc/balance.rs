//! Shares calls over several endpoints. An endpoint that gave no answer gets no calls until its
//! health service answers again.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::remote::Remote;
use crate::server::health;

const PROBE_EVERY: Duration = Duration::from_millis(500);
const PROBE_TIME: Duration = Duration::from_secs(2);

struct End {
    remote: Remote,
    down: AtomicBool,
}

/// Endpoints in turn, leaving out those that are down.
#[derive(Clone)]
pub(super) struct Balanced {
    ends: Arc<[Arc<End>]>,
    turn: Arc<AtomicUsize>,
}

impl Balanced {
    /// Endpoints; at least one.
    pub(super) fn new(remotes: Vec<Remote>) -> Self {
        let ends = remotes.into_iter();
        let ends = ends.map(|remote| Arc::new(End { remote, down: AtomicBool::new(false) }));
        Self { ends: ends.collect(), turn: Arc::new(AtomicUsize::new(0)) }
    }

    /// The next endpoint that is up; when all are down, simply the next.
    fn pick(&self) -> Arc<End> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.ends.len();
        let up = (0..count)
            .map(|step| &self.ends[(turn.wrapping_add(step)) % count])
            .find(|end| !end.down.load(Ordering::Relaxed));
        up.unwrap_or(&self.ends[turn % count]).clone()
    }
}

impl Service<Request<Body>> for Balanced {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let end = self.pick();
        Box::pin(async move {
            let answer = Remote::call(end.remote.clone(), request).await;
            if matches!(&answer, Err(status) if status.code() == Code::Unavailable) {
                take_out(&end);
            }
            Ok(answer.unwrap_or_else(Status::into_http))
        })
    }
}

/// Marks an endpoint as down and probes it until it answers.
fn take_out(end: &Arc<End>) {
    if end.down.swap(true, Ordering::Relaxed) {
        return;
    }
    // Weak, so that a dropped channel ends its probes.
    let watched = Arc::downgrade(end);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(PROBE_EVERY).await;
            let Some(end) = watched.upgrade() else { return };
            let probe = health::check(end.remote.clone());
            if matches!(tokio::time::timeout(PROBE_TIME, probe).await, Ok(true)) {
                end.down.store(false, Ordering::Relaxed);
                return;
            }
        }
    });
}
