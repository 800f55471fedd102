//! Tests of the lint.
