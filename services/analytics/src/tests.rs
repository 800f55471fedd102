//! Tests of the whole service on every database.

mod answers;
mod applying;
mod comparisons;
mod indices;
mod model;
mod questions;
mod service;
mod survey;
mod upkeep;
mod world;
