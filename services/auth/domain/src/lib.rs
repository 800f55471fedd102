//! Rules of the auth service: what an organisation, a tree of units, a password, a role, a
//! session and an audit chain must hold to. Pure: no clock, no randomness, no I/O.

pub mod audit;
pub mod client;
pub mod error;
pub mod event;
pub mod grant;
pub mod history;
pub mod lockout;
pub mod organisation;
pub mod password;
pub mod permission;
pub mod role;
pub mod scope;
pub mod session;
pub mod signing;
pub mod staff;
pub mod text;
pub mod tree;
pub mod unit;
pub mod user;

pub use error::{Error, Result};
