//! The whole suite in one process: every service built and joined to the others by channels
//! that need no socket. Only wires; nothing may depend on it but programs and tests.

pub mod data;
pub mod serve;
pub mod suite;
