//! Plans, campaigns and fieldwork: what the handlers and the background work have in common.
//!
//! [`entry`] is for those who store answers: it says where a link leads, and counts an answer in
//! the transaction that stores it.

pub mod counting;
pub mod entry;
pub mod link;
