//! Tests of responses through the service, on every database.

mod anonymous;
mod entered;
mod export;
mod form;
mod marks;
mod once;
mod reading;
mod refused;
mod scene;
mod stuffing;
