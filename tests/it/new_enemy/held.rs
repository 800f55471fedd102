//! A gate in the way of auth's feed, which a test may close: a service behind it goes on with
//! what it knew, and can ask auth for everything else.

use futures::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyStream, StreamBody};
use kit::rpc::Chan;
use tokio::sync::watch;
use tonic::body::Body;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

/// Open at first. Cheap to clone.
#[derive(Clone)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Gate {
    /// Lets events pass or holds them back, those that are on their way included.
    pub fn set_open(&self, open: bool) {
        self.0.send_replace(open);
    }

    /// The same way to auth, with the gate before its feed.
    pub fn before(&self, auth: Chan) -> Chan {
        let gate = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<Body>| {
            let (gate, auth) = (gate.clone(), auth.clone());
            async move {
                let path = request.uri().path();
                let feed = path.ends_with("/WatchEvents") || path.ends_with("/ListEvents");
                let answer = auth.oneshot(request).await?;
                Ok(if feed { answer_behind(gate, answer) } else { answer })
            }
        }))
    }

    async fn passed(&self) {
        // It fails when nobody can open the gate any more: then nobody waits for it either.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

fn answer_behind(gate: Gate, answer: Response<Body>) -> Response<Body> {
    answer.map(|body| {
        let frames = BodyStream::new(body).then(move |frame| {
            let gate = gate.clone();
            async move {
                gate.passed().await;
                frame
            }
        });
        Body::new(StreamBody::new(frames))
    })
}
