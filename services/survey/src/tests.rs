//! Tests of the service as a whole, on every database.

pub mod world;
mod fieldwork;
mod customers;
mod responses;
