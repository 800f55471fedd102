//! The handlers: read the request, check who asks for what, ask, answer. They know nothing of
//! tables.

mod access;
pub mod alert;
mod answer;
mod asking;
mod behind;
pub mod calendar;
pub mod comparison;
pub mod definition;
mod estimate;
pub mod event;
pub mod figures;
pub mod freshness;
mod importance;
pub mod index;
mod index_answer;
pub mod index_question;
pub mod integrity;
pub mod maintenance;
pub mod measures;
pub mod publication;
mod request;
mod retention;
mod retest;
pub mod score_card;
pub mod target;
mod watch;
mod weightings;
mod withholding;
