//! The handlers: read the request, check who asks for what, ask, answer. They know nothing of
//! tables.

mod access;
mod answer;
pub mod figures;
pub mod freshness;
pub mod maintenance;
pub mod measures;
mod request;
mod watch;
