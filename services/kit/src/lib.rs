//! What every service of Manyi needs and no business knows: errors, time, databases, feeds,
//! identity, transport. One concern a file. Not a service itself.

pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod consistency;
pub mod crash_point;
pub mod db;
pub mod deadline;
pub mod directory;
pub mod error;
pub mod feed;
pub mod idempotency;
pub mod layers;
pub mod lease;
pub mod listing;
pub mod mask;
pub mod memory;
pub mod name;
pub mod page;
pub mod program;
pub mod queue;
pub mod rpc;
pub mod server;
pub mod telemetry;
pub mod testing;
