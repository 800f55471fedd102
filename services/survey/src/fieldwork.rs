//! Plans, campaigns and fieldwork: what the handlers and the background work have in common.
//!
//! [`entry`] is for those who store answers: it says where a link leads, and counts an answer in
//! the transaction that stores it.

pub mod access;
pub mod claiming;
pub mod convert;
pub mod counting;
pub mod drawing;
pub mod entry;
pub mod frame;
pub mod held;
pub mod inviting;
pub mod link;
pub mod opening;
pub mod planning;
pub mod preparing;
pub mod qr;
pub mod reporting;
pub mod status;
pub mod sweep;
pub mod triggering;
pub mod withdrawal;
pub mod work;
