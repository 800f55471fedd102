//! Handlers of the contract: parse, load, decide, answer.

pub mod connect;
pub mod device;
pub mod encounter;
pub mod event;
pub mod policy;
pub mod prompting;
pub mod quarantine;
pub mod rating;
mod rating_convert;
mod rating_import;
pub mod rating_stream;
mod rating_submit;
pub mod shift;
pub mod template;
mod tree;
