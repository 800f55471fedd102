//! Tests of the service as a whole, on every database.

mod customers;
mod fieldwork;
mod responses;
pub mod world;
