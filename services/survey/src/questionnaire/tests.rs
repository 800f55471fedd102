//! Tests of questionnaires through the service, on every database.

mod exchange;
mod life;
mod reading;
mod refused;
mod sample;
mod schema;
