//! The command line, and how much effort it asks for.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// Measures every figure of the documentation beside its ceiling, in one run on this machine:
/// starts the suite's own programs on free ports of this machine with fresh databases, loads
/// them through the public contract, and stops them again.
#[derive(Debug, Clone, Parser)]
#[command(name = "bench", version)]
pub struct Options {
    /// Which databases to measure on
    #[arg(long, value_enum, default_value_t = Which::Both)]
    pub database: Which,
    /// Short slices and 10⁶ instead of 10⁷ ratings: shows that all works, proves little
    #[arg(long)]
    pub quick: bool,
    /// Folder for results.json and results.md; created when missing
    #[arg(long, default_value = "target/bench", value_name = "DIR")]
    pub out: PathBuf,
    /// Also write the table to tests/bench/RESULTS.md
    #[arg(long)]
    pub save: bool,
    /// Only these phases, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PHASE")]
    pub only: Vec<Phase>,
    /// Ratings behind the figures query, instead of 10⁷
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1_000..))]
    pub ratings: Option<u64>,
    /// Folder with the programs of the suite [default: where this program is]
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// Folder for databases and logs; on the disk that is to be measured [default: TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub work: Option<PathBuf>,
    /// Keep databases and logs
    #[arg(long)]
    pub keep: bool,
}

/// Which databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// SQLite files.
    Sqlite,
    /// A PostgreSQL server: the one in MANYI_TEST_POSTGRES, else a throw-away one.
    Postgres,
    /// One after the other.
    Both,
}

/// A part of the run that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// Ratings into the database: streams and single calls, with and without gateway.
    Ingest,
    /// The same with analytics following, and the way to the live stream.
    Follow,
    /// Figures of a month over many ratings.
    Figures,
    /// Indices and rankings of a whole province.
    Indices,
    /// Memory and start of the all-in-one program.
    Memory,
    /// Questionnaires: answers, figures over them, export, import.
    Survey,
    /// The heavy statistical methods, without a database.
    Statistics,
}

/// How long and how often to measure.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Before each slice.
    pub warm_up: Duration,
    /// One measured slice.
    pub slice: Duration,
    /// One try in the search for a load.
    pub probe: Duration,
    /// Slices of each kind.
    pub repetitions: usize,
    /// The sustained load.
    pub sustained: Duration,
    /// Load while latencies to the live stream are taken.
    pub live: Duration,
    /// Ratings behind the figures query.
    pub ratings: u64,
    /// Ratings of the small database that the query is compared with.
    pub ratings_small: u64,
    /// Timed queries of one kind.
    pub queries: usize,
    /// Branches of the province whose index is computed, and months of it.
    pub province: (usize, usize),
}

impl Options {
    /// Whether a phase is wanted.
    pub fn wants(&self, phase: Phase) -> bool {
        self.only.is_empty() || self.only.contains(&phase)
    }

    /// The effort.
    pub fn effort(&self) -> Effort {
        let seconds =
            |full: u64, quick: u64| Duration::from_secs(if self.quick { quick } else { full });
        Effort {
            warm_up: seconds(2, 1),
            slice: seconds(6, 2),
            probe: seconds(4, 2),
            repetitions: 3,
            sustained: seconds(60, 10),
            live: seconds(40, 10),
            ratings: self.ratings.unwrap_or(if self.quick { 1_000_000 } else { 10_000_000 }),
            ratings_small: 100_000,
            queries: if self.quick { 200 } else { 1_000 },
            province: if self.quick { (60, 3) } else { (3_000, 12) },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn phases_can_be_chosen() {
        let all = Options::parse_from(["bench"]);
        assert!(all.wants(Phase::Memory) && all.effort().ratings == 10_000_000);
        let some = Options::parse_from(["bench", "--quick", "--only", "ingest,figures"]);
        assert!(some.wants(Phase::Figures) && !some.wants(Phase::Memory));
        assert_eq!(some.effort().ratings, 1_000_000);
    }
}
