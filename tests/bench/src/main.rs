//! Measures the figures of the documentation, each beside its ceiling, in one run on this
//! machine. It knows the suite only by its contract, its programs and its table of ratings.

mod ceiling;
mod engine;
mod error;
mod figures;
mod load;
mod machine;
mod options;
mod phases;
mod press;
mod programs;
mod progress;
mod report;
mod site;
mod stats;
mod suite;

use std::{fs, path::Path, process::ExitCode};

use clap::Parser as _;
use kit::config::{Seed, wait_for_signal};

use engine::{Engine, Server};
use error::{Error, Result};
use machine::Machine;
use options::{Options, Phase, Which};
use phases::Context;
use programs::Programs;
use progress::say;
use report::{Report, Row};
use suite::Plan;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where `--save` writes the table.
const SAVED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");

/// Parts that are measured on each database.
const PHASES: [Phase; 6] =
    [Phase::Ingest, Phase::Follow, Phase::Figures, Phase::Indices, Phase::Survey, Phase::Memory];

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // Whatever is dropped on the way out stops its programs and servers.
    let result = tokio::select! {
        result = run(&options) => result,
        () = wait_for_signal() => Err(Error::Unsound("interrupted".to_owned())),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("{error}"));
            ExitCode::from(2)
        }
    }
}

/// Runs everything; whether all could be measured.
async fn run(options: &Options) -> Result<bool> {
    let programs = Programs::find(options.programs.as_deref())?;
    let work = options.work.clone().unwrap_or_else(std::env::temp_dir);
    fs::create_dir_all(&work).map_err(|e| Error::file(&work, e))?;
    let mut folder = tempfile::Builder::new()
        .prefix("manyi-bench-")
        .tempdir_in(&work)
        .map_err(|e| Error::file(&work, e))?;
    folder.disable_cleanup(options.keep);
    let mut report = Report {
        machine: Machine::look(folder.path()),
        quick: options.quick,
        databases: Vec::new(),
        rows: Vec::new(),
        failures: Vec::new(),
    };
    if report.machine.profile != "release" {
        say(format_args!("this is a dev build: its figures say nothing"));
    }
    let server = if options.database == Which::Sqlite { None } else { Some(Server::find()?) };
    let mut engines = Vec::new();
    if options.database != Which::Postgres {
        engines.push(Engine::Sqlite);
    }
    engines.extend(server.as_ref().map(|server| Engine::Postgres(server.url.clone())));
    for engine in &engines {
        report.databases.push(format!("{} {}", engine.name(), engine.version().await?));
        measure(options, &programs, engine, folder.path(), &mut report).await;
    }
    if options.wants(Phase::Statistics) {
        say(format_args!("== Statistics, load {}", machine::load_average()));
        match phases::statistics::run(&options.effort(), folder.path()) {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => report.failed("Without a database", Phase::Statistics, &error),
        }
    }
    report.machine.load_after = machine::load_average();
    finish(options, &report)?;
    Ok(report.failures.is_empty())
}

/// All phases on one database. A phase that fails leaves the others alone.
async fn measure(
    options: &Options,
    programs: &Programs,
    engine: &Engine,
    folder: &Path,
    report: &mut Report,
) {
    for phase in PHASES {
        // The all-in-one program on one file is how small installations run.
        let possible = phase != Phase::Memory || *engine == Engine::Sqlite;
        if !options.wants(phase) || !possible {
            continue;
        }
        say(format_args!("== {phase:?} on {}, load {}", engine.name(), machine::load_average()));
        let folder = folder.join(format!("{}-{phase:?}", engine.name()).to_lowercase());
        match Box::pin(one(options, programs, engine, &folder, phase)).await {
            Ok(rows) => report.rows.extend(rows),
            Err(error) => report.failed(engine.name(), phase, &error),
        }
        // What was started went with the phase; its files are not needed any more.
        if !options.keep {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

async fn one(
    options: &Options,
    programs: &Programs,
    engine: &Engine,
    folder: &Path,
    phase: Phase,
) -> Result<Vec<Row>> {
    fs::create_dir_all(folder).map_err(|e| Error::file(folder, e))?;
    let plan = Plan { programs, engine, folder, seed: Seed::random() };
    let context = Context { plan, effort: options.effort() };
    match phase {
        Phase::Ingest => phases::ingest::run(&context).await,
        Phase::Follow => phases::follow::run(&context).await,
        Phase::Figures => phases::figures::run(&context).await,
        Phase::Indices => phases::indices::run(&context).await,
        Phase::Survey => phases::survey::run(&context).await,
        Phase::Memory => phases::memory::run(&context).await,
        Phase::Statistics => Ok(Vec::new()),
    }
}

/// Writes the report to files and standard output.
fn finish(options: &Options, report: &Report) -> Result<()> {
    report::write(report, &options.out)?;
    let table = report::markdown(report);
    println!("{table}");
    if options.save {
        fs::write(SAVED, &table).map_err(|e| Error::file(SAVED, e))?;
    }
    say(format_args!("written to {}", options.out.display()));
    Ok(())
}
