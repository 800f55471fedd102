//! Handlers: parse, load, decide, answer.

pub mod event;
