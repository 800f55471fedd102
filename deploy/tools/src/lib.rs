//! Programs that use Manyi through its public contract alone: the simulator, the importer, the
//! administrator's commands and the demonstration organisation. They see no service's crate.

pub mod admin;
pub mod client;
pub mod demo;
pub mod error;
pub mod import;
pub mod output;
pub mod simulate;
pub mod target;
