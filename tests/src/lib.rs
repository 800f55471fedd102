//! The world that end-to-end tests run in: the suite as one process or as several, on either
//! database, seen only through its gateway. Panics when something it needs is missing: a test
//! is never skipped.

pub mod cluster;
pub mod disk;
pub mod history;
pub mod org;
pub mod processes;
pub mod rest;
pub mod wait;
pub mod world;

pub use org::{Org, TestDevice};
pub use rest::Rest;
pub use wait::{patiently, until};
pub use world::{Shape, World};
