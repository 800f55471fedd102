//! The analytics service: follows the feed of ratings and encounters, keeps exact roll-ups and
//! answers questions about them. [`build`] is its one door.

mod alerts;
mod answers;
mod apply;
mod changes;
mod computing;
mod crash_point;
mod events;
mod figures;
mod following;
mod freshness;
mod indices;
mod live;
mod measuring;
mod outcomes;
mod reconcile;
mod rpc;
mod service;
mod state;
mod store;
mod survey_events;
mod verifier;
mod withholding;

#[cfg(test)]
mod tests;

pub use crash_point::ALL as CRASH_POINTS;
pub use service::{Config, PeerFlags, Peers, Service, build};
pub use store::migrations;
