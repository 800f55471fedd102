//! Tests of the handlers through the whole stack, on every database.

mod connect;
mod devices;
mod devices_kept;
mod dropped;
mod encounters;
mod feed;
mod shifts;
mod templates;
pub(crate) mod world;
