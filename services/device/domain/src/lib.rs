//! Rules of the device service. Pure: no I/O, no clock, no randomness; times are
//! microseconds since 1970 UTC, ids are UUIDs given by the caller.

pub mod clock_correction;
pub mod device;
pub mod encounter;
mod error;
pub mod pairing;
pub mod policy;
pub mod prompting;
pub mod rating;
pub mod rating_stored;
pub mod receipt;
pub mod sequence;
pub mod shift;
pub mod template;
pub mod trust;
pub mod workday;

pub use error::{Error, Result};
