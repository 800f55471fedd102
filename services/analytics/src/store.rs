//! The service's own database: cells, what they are read with, and the state of following.
//! Gives and takes types of the domain; knows nothing of requests.

pub mod buckets;
pub mod cells;
mod migration;
pub mod parked;
mod sql;
pub mod state;
pub mod sums;
mod tables;
pub mod templates;
pub mod zones;

pub use migration::migrations;
pub use sql::snapshot;
