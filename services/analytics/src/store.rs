//! The service's own database: cells, what they are read with, and the state of following.
//! Gives and takes types of the domain; knows nothing of requests.

pub mod alerts;
pub mod answer_counts;
pub mod answer_sums;
pub mod buckets;
pub mod cells;
pub mod indices;
mod migration;
pub mod packs;
pub mod parked;
pub mod placements;
pub mod publications;
pub mod questionnaires;
pub mod settings;
mod sql;
pub mod state;
pub mod sums;
pub mod tables;
pub mod templates;
pub mod vectors;

pub use migration::migrations;
pub use sql::{Snapshot, snapshot};
