//! Tables as they are in the database. Nothing outside of the store sees them.

pub mod audit_head;
pub mod audit_record;
pub mod client;
pub mod grant;
pub mod login_failure;
pub mod organisation;
pub mod refresh_token;
pub mod role;
pub mod session;
pub mod signing_key;
pub mod staff;
pub mod unit;
pub mod user;
