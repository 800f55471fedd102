//! `manyi import`: brings in what other systems hold, through the public API.

mod batches;
mod ids;
mod journal;
mod mapping;
mod newlines;
mod places;
mod progress;
mod row;
mod times;

use std::{path::PathBuf, time::Instant};

use proto::auth::v1::UnitKind;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, Result},
    output::say,
    target::{Gateway, Person},
};
use batches::{Outcome, Pipeline};
use journal::{Journal, Position};
use mapping::{Columns, Mapping};
use places::Places;
use progress::Progress;
use row::{RowError, Rows};
use times::PressTime;

/// What to import.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    Ratings(Box<Args>),
}

/// Import ratings from any CSV file
///
/// Each line becomes one rating. Ids are made from the name of the source and the line, so
/// that importing a file twice, or going on after an interruption, stores each rating once.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The file: CSV with a header line, in UTF-8
    file: PathBuf,
    /// Which column holds what, such as grade=score,staff=工号,unit=branch. Fields: grade
    /// (required), unit, staff, time, template, business_type, reasons, comment. A column is
    /// given by its heading, or by its number as #3
    #[arg(long, required = true, value_delimiter = ',', value_name = "FIELD=COLUMN")]
    map: Vec<String>,
    /// Name of the import device that stands for this source; it is created if need be
    #[arg(long, default_value = "CSV import", value_name = "NAME")]
    device: String,
    #[command(flatten)]
    time: TimeArgs,
    /// Time zone of times without offset; default: the organisation's
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Unit of lines without one: name (units/u_…), code or display name
    #[arg(long, value_name = "UNIT")]
    unit: Option<String>,
    /// Create units that are unknown under this one
    #[arg(long, value_name = "UNIT")]
    create_units_under: Option<String>,
    /// Kind of created units
    #[arg(long, default_value = "branch", value_name = "KIND")]
    unit_kind: Kind,
    /// Create staff members whose number is unknown, at home where they are first seen
    #[arg(long)]
    create_staff: bool,
    /// Meaning of grades that are words, such as 满意=4,不满意=2
    #[arg(long, value_delimiter = ',', value_name = "WORD=GRADE")]
    grades: Vec<String>,
    /// Template of lines without one: `templates/t_…`; default: the organisation's
    #[arg(long, default_value = "", value_name = "TEMPLATE")]
    template: String,
    /// Name of the source, part of every rating's id; default: the file's name
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Character between columns
    #[arg(long, default_value = ",", value_name = "CHAR")]
    delimiter: char,
    /// The file has no header line: columns are given by number
    #[arg(long)]
    no_header: bool,
    /// Where lines that were not stored are listed; default: FILE.errors.csv
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,
    #[command(flatten)]
    gateway: Gateway,
    #[command(flatten)]
    person: Person,
}

const HELP: &str = "\
Example:
  manyi import ratings lectures.csv --map grade=grade,staff=staff,unit=department \\
      --spread 2026-09-01..2026-10-01 --create-units-under 总行 --create-staff \\
      --credentials data/demo-credentials

An interrupted import leaves FILE.import.json and goes on from there when it is called again.

Exit codes: 0 all stored; 1 done, but lines were refused (see the error file); 2 wrong usage or \
a file problem; 3 the suite cannot be reached; 4 the suite refused a call.";

/// When the ratings were given.
#[derive(Debug, Clone, clap::Args)]
#[group(required = false, multiple = false)]
struct TimeArgs {
    /// All ratings were given at this time
    #[arg(long, value_name = "TIME")]
    press_time: Option<String>,
    /// Times are not known: spread the lines over this time, evenly and the same every time
    #[arg(long, value_name = "FROM..TO")]
    spread: Option<String>,
    /// How the time column is written, such as "%Y/%m/%d %H:%M"; default: ISO 8601
    #[arg(long, value_name = "FORMAT")]
    time_format: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Region,
    Branch,
    Department,
    Window,
}

impl From<Kind> for UnitKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Region => Self::Region,
            Kind::Branch => Self::Branch,
            Kind::Department => Self::Department,
            Kind::Window => Self::Window,
        }
    }
}

/// What an import did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Lines read.
    pub read: u64,
    /// Ratings stored now.
    pub stored: u64,
    /// Ratings that were there before.
    pub present: u64,
    /// Ratings put into quarantine.
    pub quarantined: u64,
    /// Lines refused, here or by the suite.
    pub refused: u64,
}

/// Runs the program.
pub async fn main(command: Command, stop: CancellationToken) -> Result<()> {
    let Command::Ratings(args) = command;
    let began = Instant::now();
    let summary = ratings(&args, stop.clone()).await?;
    let seconds = began.elapsed().as_secs_f64();
    let Summary { read, stored, present, quarantined, refused } = summary;
    say(format!(
        "{read} lines: {stored} stored, {present} were there before, {quarantined} in \
         quarantine, {refused} refused; {seconds:.1} s, {:.0} lines/s",
        read as f64 / seconds.max(0.001)
    ));
    if stop.is_cancelled() {
        return Err(Error::Unsatisfied("interrupted; call it again to go on".to_owned()));
    }
    if quarantined + refused > 0 {
        let errors = args.error_file();
        return Err(Error::Unsatisfied(format!("see {} for the lines", errors.display())));
    }
    Ok(())
}

impl Args {
    fn error_file(&self) -> PathBuf {
        self.errors.clone().unwrap_or_else(|| with_suffix(&self.file, "errors.csv"))
    }

    fn source_name(&self) -> String {
        let file = || self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.source.clone().unwrap_or_else(file)
    }

    fn mapping(&self) -> Result<Mapping> {
        let places = self.unit.is_some();
        Mapping::parse(&self.map, &self.grades, places)
    }
}

fn with_suffix(file: &std::path::Path, suffix: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(suffix);
    file.with_file_name(name)
}

/// Imports the ratings of a file; ends early, with what is done, when `stop` is set.
pub async fn ratings(args: &Args, stop: CancellationToken) -> Result<Summary> {
    let mapping = args.mapping()?;
    let mut rows = Rows::open(&args.file, args.delimiter, !args.no_header)?;
    let columns = Columns::find(&mapping, rows.headings())?;
    let client = args.person.client(&args.gateway).await?;
    let organisation = client.whoami().await?.organisation.unwrap_or_default();
    let zone = args.time_zone.as_deref().unwrap_or(&organisation.time_zone);
    let time = &args.time;
    let time = PressTime::parse(
        columns.has_time(),
        time.press_time.as_deref(),
        time.spread.as_deref(),
        time.time_format.as_deref(),
        zone,
    )?;
    let source = args.source_name();
    let under = args.create_units_under.as_deref();
    let mut places =
        Places::load(client.clone(), under, args.unit_kind.into(), args.create_staff).await?;
    let fixed_unit = match &args.unit {
        Some(unit) => Some(places.existing_unit(unit)?),
        None => None,
    };
    let device = places.import_device(&args.device).await?;
    let state = with_suffix(&args.file, "import.json");
    let identity = format!("{}\n{source}\n{}", organisation.name, args.map.join(","));
    let mut journal = Journal::open(state, args.error_file(), identity)?;
    let start = journal.position();
    let progress = Progress::new(rows.bytes(), rows.skip_to(&start)?);
    let mut pipeline = Pipeline::new(client, start.summary);
    let ids = ids::Ids::new(&source, device);
    while let Some(record) = rows.next_row() {
        if stop.is_cancelled() {
            break;
        }
        let line = record.line();
        let parsed = record
            .and_then(|fields| columns.read(&mapping, fields))
            .and_then(|values| time.of(&values, ids.fraction(line)).map(|us| (values, us)));
        let placed = match parsed {
            Ok((values, press_us)) => places
                .resolve(&values, fixed_unit.as_deref())
                .await?
                .map(|place| ids.rating(line, values, place, press_us, &args.template)),
            Err(error) => Err(error),
        };
        let outcomes = pipeline.push(Position { line, byte: rows.byte() }, placed).await?;
        settle(outcomes, &mut journal, &progress)?;
    }
    while let Some(outcome) = pipeline.drain().await? {
        settle(vec![outcome], &mut journal, &progress)?;
    }
    progress.finish();
    let summary = pipeline.summary();
    if !stop.is_cancelled() {
        journal.complete()?;
    }
    Ok(summary)
}

fn settle(outcomes: Vec<Outcome>, journal: &mut Journal, progress: &Progress) -> Result<()> {
    for outcome in outcomes {
        journal.record(&outcome)?;
        progress.at(&outcome);
    }
    Ok(())
}

/// Something that keeps one line from being stored.
fn refuse(field: &str, text: impl Into<String>) -> RowError {
    RowError { field: field.to_owned(), reason: "INVALID_FIELD".to_owned(), text: text.into() }
}
