//! Customers between the contract and the rules: who may see and change them, what each call
//! does, and how messages become domain types.

pub mod access;
pub mod attributes;
pub mod care;
pub mod change;
pub mod classes;
pub mod competitors;
pub mod convert;
pub mod erasure;
pub mod export;
pub mod fields;
pub mod find;
pub mod import;
pub mod loyalty;
pub mod merge;
pub mod record;
pub mod record_convert;
pub mod referrals;
pub mod segments;
pub mod tombstone;
pub mod triggers;
