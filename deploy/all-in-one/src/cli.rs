//! The command line.

use all_in_one::serve;
use clap::{Parser, Subcommand};
use kit::{
    config::wait_for_signal,
    telemetry::{self, TelemetryConfig},
};
use tokio_util::sync::CancellationToken;
use tools::{admin, error::Result, import, simulate};

use crate::demo;

/// Manyi (满意): customer satisfaction, measured where it happens
///
/// Without a command it serves the whole suite; see `manyi help serve`.
#[derive(Parser)]
#[command(name = "manyi", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Args,
    #[command(flatten, next_help_heading = "Logs")]
    telemetry: TelemetryConfig,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Simulate(simulate::Args),
    /// Bring in what other systems hold
    #[command(subcommand)]
    Import(import::Command),
    /// Run an installation: organisations, audit record, figures, keys
    #[command(subcommand)]
    Admin(admin::Command),
}

/// Does what the command line says.
pub async fn run(cli: Cli) -> Result<()> {
    let _telemetry = telemetry::init("manyi", &cli.telemetry);
    match cli.command {
        None => serve::main(cli.serve).await,
        Some(Command::Serve(args)) => serve::main(args).await,
        Some(Command::Demo(args)) => demo::main(args).await,
        Some(Command::Simulate(args)) => simulate::main(args, until_signal()).await,
        Some(Command::Import(command)) => import::main(command, until_signal()).await,
        Some(Command::Admin(command)) => admin::main(command).await,
    }
}

/// Set at the first SIGINT or SIGTERM; the second one ends the program.
fn until_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        signalled.cancel();
        wait_for_signal().await;
        std::process::exit(130);
    });
    stop
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for option in command.get_arguments() {
                let id = option.get_id();
                assert!(option.get_help().is_some(), "{} {id}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn options_of_logs_go_with_every_command_and_stand_apart_in_its_help() {
        let commands = [
            "serve --log-format json",
            "demo --log-format json",
            "admin rotate-keys --log-format json",
            "--log-format json",
        ];
        for command in commands {
            let words = std::iter::once("manyi").chain(command.split(' '));
            let cli = Cli::try_parse_from(words).unwrap_or_else(|e| panic!("{command}: {e}"));
            assert_eq!(cli.telemetry.log_format, telemetry::LogFormat::Json, "{command}");
        }
        let mut command = Cli::command();
        command.build();
        let demo = command.find_subcommand("demo").unwrap();
        let heading = |id: &str| {
            let option = demo.get_arguments().find(|option| option.get_id() == id);
            option.unwrap().get_help_heading().map(str::to_owned)
        };
        assert_eq!(heading("log_format").as_deref(), Some("Logs"));
        assert_eq!(heading("rate").as_deref(), Some("Simulated customers"));
        assert_eq!(heading("no_simulation").as_deref(), Some("Simulated customers"));
        assert_eq!(heading("quota_address").as_deref(), Some("Gateway"));
    }

    #[test]
    fn without_a_command_it_serves() {
        let cli = Cli::try_parse_from(["manyi", "--listen", "127.0.0.1:9000"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.listen.port(), 9000);
        assert!(Cli::try_parse_from(["manyi", "serve", "--listen", "nowhere"]).is_err());
        assert!(Cli::try_parse_from(["manyi", "import", "ratings", "f.csv"]).is_err());
    }
}
