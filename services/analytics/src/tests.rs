//! Tests of the whole service on every database.

mod applying;
mod model;
mod questions;
mod service;
mod upkeep;
mod world;
