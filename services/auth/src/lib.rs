//! The auth service: organisations, units, people, credentials, permission, audit. `build` is
//! its one door.

mod core;
mod events;
mod flags;
mod hasher;
mod rpc;
mod secrets;
mod service;
mod signing;
mod store;
mod work;

#[cfg(test)]
mod tests;

pub use flags::{Bootstrap, BootstrapFlags, Config};
pub use service::{Service, build};
