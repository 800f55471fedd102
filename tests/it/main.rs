//! End-to-end tests, one module per flow. All of them see the suite through its gateway only.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::large_futures, reason = "a test has a stack of its own")]

mod acsi;
mod answer_to_index;
mod authorization;
mod bad_inputs;
mod behind_figures;
mod customers;
mod erasure;
mod fieldwork;
mod foreign;
mod import;
mod kill;
mod kill_import;
mod kill_survey;
mod listener;
mod load;
mod new_enemy;
mod postgres_away;
mod power_cut;
mod programs;
mod questionnaires;
mod rating_to_figure;
mod readme;
mod real_ratings;
mod real_survey;
mod replicas;
mod responding;
mod simulation;
mod tidy;
mod traces;
