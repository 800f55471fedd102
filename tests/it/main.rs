//! End-to-end tests, one module per flow. All of them see the suite through its gateway only.

mod authorization;
mod foreign;
mod import;
mod kill;
mod rating_to_figure;
mod simulation;
mod tidy;
