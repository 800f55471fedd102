//! Who calls, and what that caller may do. Every service verifies every token itself; what is
//! not allowed by the rule table is refused before a handler sees it.

mod caller;
mod layer;
mod tokens;
mod verifier;

pub use caller::{Caller, Visible, caller, open_change, open_request, suspended};
pub use layer::{AuthLayer, AuthService, CONSISTENCY_HEADER};
pub use tokens::{AUDIENCE, Claims, ISSUER, InternalTokens, derive};
pub use verifier::{KeySource, RemoteKeys, Verified, Verifier};
