//! Tests of responses through the service, on every database.

mod anonymous;
mod download;
mod entered;
mod export;
mod form;
mod marks;
mod once;
mod outcomes;
mod reading;
mod refused;
mod saving;
pub mod scene;
mod stuffing;
