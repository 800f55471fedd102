//! Tables as sea-orm entities. Ids are UUIDs, times microseconds since 1970 UTC, enums the
//! numbers of the contract.

pub mod device;
pub mod device_assignment;
pub mod device_clock;
pub mod dropped_range;
pub mod encounter;
pub mod enroll_guess;
pub mod pairing_code;
pub mod prompt;
pub mod quarantine;
pub mod rating;
pub mod rating_policy;
pub mod shift;
pub mod shift_event;
pub mod template;
