//! The service's own database. Answers domain types; every finder names the organisation.

pub mod clock;
pub mod count;
pub mod device;
pub mod dropped;
pub mod encounter;
pub mod entity;
pub mod migration;
pub mod pairing;
pub mod policy;
pub mod prompt;
pub mod prompting;
pub mod quarantine;
pub mod rating;
pub mod rating_insert;
pub mod rating_lookup;
pub mod rating_sequence;
pub mod shift;
pub mod template;
