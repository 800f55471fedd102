//! Tests of the check of answers.
