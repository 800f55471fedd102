//! The handlers: read the request, check who asks for what, ask, answer. They know nothing of
//! tables.

mod access;
mod answer;
mod definition;
mod estimate;
pub mod figures;
pub mod freshness;
pub mod index;
mod index_answer;
mod index_question;
pub mod maintenance;
pub mod measures;
pub mod publication;
mod request;
mod watch;
mod weightings;
