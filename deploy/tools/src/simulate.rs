//! `manyi simulate`: customers, staff and devices of an organisation, simulated, who use the
//! suite as real ones do. The town is a pure generator; this file turns its hours into ours.

mod bridge;
pub mod generator;
mod heartbeat;
mod messages;
mod people;
mod rng;
mod site;
mod tally;
mod upload;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp, Zoned};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::Client,
    error::{Error, Result},
    output::{note, say},
    target::{Gateway, Person},
};
use bridge::Bridge;
use generator::{BranchShape, Generator, Shape};
use messages::Timeline;
pub use site::Site;
pub use tally::Tally;

/// Events that may wait for one bridge before time stands still for all.
const BACKLOG_MAX: usize = 10_000;

/// Simulate customers, staff and devices that use the suite as real ones do
///
/// Signs in, registers and enrols a device at each window (by pairing code) and a bridge at
/// each branch, and then sends shifts, encounters and ratings through the public API. Bridges
/// lose their connection now and then and deliver later what they kept. The same seed gives
/// the same town.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = crate::error::EXIT_CODES)]
pub struct Args {
    #[command(flatten)]
    gateway: Gateway,
    #[command(flatten)]
    person: Person,
    #[command(flatten)]
    options: Options,
    /// Stop after this time, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
}

/// How lively the simulated town is.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Only windows of this unit and those below it: `units/u_…`
    #[arg(long, value_name = "UNIT", default_value = "")]
    pub unit: String,
    /// Customers per minute over all windows, on average over a day
    #[arg(long, default_value_t = 60.0, value_name = "N", value_parser = positive)]
    pub rate: f64,
    /// Simulated seconds per second; services get shorter in the same measure
    #[arg(long, default_value_t = 1.0, value_name = "N", value_parser = positive)]
    pub speed: f64,
    /// Seed of the town: people, their tempers and all that happens
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Simulated minutes between two outages of one bridge, on average; 0 for none
    #[arg(long, default_value_t = 60.0, value_name = "MIN", value_parser = not_negative)]
    pub outage_every: f64,
    /// Send ratings by single calls instead of a stream
    #[arg(long)]
    pub no_stream: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            unit: String::new(),
            rate: 60.0,
            speed: 1.0,
            seed: 1,
            outage_every: 60.0,
            no_stream: false,
        }
    }
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    let wrong = || format!("{text} is no time such as 90s, 10m or 2h");
    let span: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    not_negative(text).and_then(|n| if n > 0.0 { Ok(n) } else { Err("must be above 0".into()) })
}

fn not_negative(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if n.is_finite() && n >= 0.0 => Ok(n),
        _ => Err("must be a number from 0".to_owned()),
    }
}

/// Runs the program until `stop`, or until its duration is over.
pub async fn main(args: Args, stop: CancellationToken) -> Result<()> {
    let client = args.person.client(&args.gateway).await?;
    if let Some(duration) = args.duration {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            stop.cancel();
        });
    }
    note("setting up devices and bridges");
    let site = Site::set_up(&client, &args.options.unit).await?;
    note(format!("{site}; running, Ctrl-C stops"));
    let tally = Arc::new(Tally::default());
    let report = tokio::spawn(report(tally.clone(), Duration::from_secs(10)));
    let done = run(site, &args.options, tally.clone(), stop).await;
    report.abort();
    say(&tally);
    done
}

async fn report(tally: Arc<Tally>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        note(&tally);
    }
}

/// Plays the town at `site` until `stop`; then everything that bridges still hold is sent.
pub async fn run(
    site: Site,
    options: &Options,
    tally: Arc<Tally>,
    stop: CancellationToken,
) -> Result<()> {
    let shape = site.shape();
    let town = Generator::new(&shape, town_options(options));
    let timeline = Timeline::new(Timestamp::now().as_microsecond(), options.speed);
    let began = Instant::now();
    let mut bridges = JoinSet::new();
    let mut inboxes = Vec::new();
    for branch in site.branches {
        let (sender, inbox) = mpsc::channel(BACKLOG_MAX);
        inboxes.push(sender);
        let stream = !options.no_stream;
        let bridge = Bridge::new(branch, site.template.clone(), timeline, stream, tally.clone());
        bridges.spawn(bridge.run(inbox));
    }
    for event in town {
        let due = began + timeline.real(event.at_us);
        tokio::select! {
            () = stop.cancelled() => break,
            () = sleep_until(due) => {}
        }
        let Some(inbox) = inboxes.get(event.place.branch) else { continue };
        tokio::select! {
            () = stop.cancelled() => break,
            sent = inbox.send(event) => if sent.is_err() { break },
        }
    }
    drop(inboxes);
    while let Some(ended) = bridges.join_next().await {
        if let Err(panic) = ended {
            return Err(Error::Unsatisfied(format!("a bridge broke: {panic}")));
        }
    }
    Ok(())
}

fn town_options(options: &Options) -> generator::Options {
    let now = Zoned::now();
    let hour = f64::from(now.hour()) + f64::from(now.minute()) / 60.0;
    generator::Options {
        seed: options.seed,
        rate: options.rate,
        start_hour: hour,
        outage_every_min: options.outage_every,
    }
}

impl Site {
    /// What the generator needs to know.
    fn shape(&self) -> Shape {
        let branches = self.branches.iter();
        let shape = |b: &site::Branch| BranchShape {
            windows: b.windows.len(),
            staff: b.staff_numbers.len(),
        };
        Shape { branches: branches.map(shape).collect() }
    }
}

/// Sets up and runs the town for as long as `stop` lets it; for the demonstration.
pub async fn play(client: &Client, options: &Options, stop: CancellationToken) -> Result<()> {
    let site = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        site = Site::set_up(client, &options.unit) => site?,
    };
    tracing::info!(site = %site, "the simulation is running");
    run(site, options, Arc::new(Tally::default()), stop).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_of_their_range_are_refused() {
        assert!(positive("0").is_err() && positive("-1").is_err() && positive("NaN").is_err());
        assert!(not_negative("inf").is_err() && not_negative("0").is_ok());
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(duration("-1m").is_err() && duration("soon").is_err());
    }
}
