//! End-to-end tests, one module per flow.
