//! What stands before the handlers of a service, one layer a file. `rpc::service_stack` puts
//! them together and says why in that order.

mod admission;
mod deadline;
mod gatekeeper;
mod guard;
mod normalise;
mod one_message;
mod split;
mod tail;

use std::{convert::Infallible, future::Future, pin::Pin};

use http::Response;
use tonic::{Status, body::Body};

pub use admission::{Acquainted, Admission, AdmissionLayer};
pub use deadline::{Deadline, DeadlineLayer};
pub use gatekeeper::{Gatekeeper, GatekeeperLayer};
pub use guard::{Guard, GuardLayer};
pub use normalise::normalise;
pub use split::Split;

/// A future of an answer; what goes wrong is an answer too.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// The moment at which a streamed answer has to end; a layer leaves it in the extensions of
/// the response for the outermost one to enforce.
#[derive(Debug, Clone, Copy)]
struct StreamEnd(tokio::time::Instant);

/// A gRPC answer that consists of a status only.
fn refuse(status: impl Into<Status>) -> Response<Body> {
    status.into().into_http()
}
