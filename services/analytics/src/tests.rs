//! Tests of the whole service on every database.

mod alerts;
mod answer_groups;
mod answers;
mod applying;
mod comparisons;
mod indices;
mod measures;
mod model;
mod moved;
mod outcomes;
mod packs;
mod questions;
mod service;
mod survey;
mod upkeep;
mod verifier;
mod world;
