//! The gateway before services that record what reaches them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_inputs;
mod fake;
mod files;
mod forms;
mod grpc;
mod mapping;
mod openapi;
mod raw_http;
mod streams;
