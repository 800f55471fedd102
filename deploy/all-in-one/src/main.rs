//! `manyi`: the suite and the programs that use it, in one binary.

mod cli;
mod demo;

use std::process::ExitCode;

use clap::Parser as _;

// Ratings come and go in small pieces; the system's allocator keeps too much of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tools::output::note(format!("manyi: no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tools::output::note(format!("manyi: {error}"));
            error.exit_code()
        }
    }
}
