//! Rows 3 and 6: ratings into the database while analytics follows, and how soon a live stream
//! shows them.

use std::time::Duration;

use proto::auth::v1::UnitKind;

use super::{
    Context, DEVICES, check, hall, live,
    shapes::{FULL, largest},
};
use crate::{
    ceiling::Ceiling,
    error::Result,
    load::{Outcome, Slice, Terminal, senders, stream, stream::Shape},
    progress::say,
    report::{Beside, Goal, Row},
    site::Site,
    stats::{Latencies, Spread},
    suite::Suite,
};

/// Loads to try, as shares of the ceiling.
const SHARES: [f64; 17] =
    [0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01];
/// How far figures may be behind at the end.
const LAG_MAX: Duration = Duration::from_secs(2);
/// The same in a short try, where the lag has less time to grow.
const LAG_PROBE_MAX: Duration = Duration::from_millis(700);
/// Share of the intended load that must have been acknowledged.
const KEPT_UP: f64 = 0.97;

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut suite = Suite::start(&context.plan, true).await?;
    let gateway = suite.gateway.uri();
    let site = Site::found(&gateway, context.plan.seed).await?;
    let mut terminals = hall(&site).await?;
    let branch = site.unit(&site.headquarters, UnitKind::Branch, "Watched").await?;
    let watched = Terminal::new(site.place(&branch, DEVICES + 1).await?, 99);
    let effort = context.effort;
    let auth_uri = suite.auth.program.uri();
    let ceiling = Ceiling::prepare(&context.plan, &auth_uri, effort.warm_up, effort.probe).await?;
    let bench = Bench { context, gateway, site, ceiling };
    // The first load only fills the tables.
    let senders = senders(&bench.gateway, &terminals).await?;
    stream::run(senders, FULL, Slice::now(effort.warm_up, effort.probe)).await?;
    check::caught_up(&bench.site, Terminal::acknowledged(&terminals)).await?;
    suite.device.database.analyze().await?;
    if let Some(analytics) = &suite.analytics {
        analytics.database.analyze().await?;
    }
    let (rows, rate) = bench.sustained(&terminals).await?;
    let mut rows = rows;
    suite.check()?;
    let watch = live::Watch { site: &bench.site, gateway: &bench.gateway, branch: &branch };
    let live = watch.measure(&terminals, &watched, rate / 2.0, effort).await?;
    rows.push(live.row(context.database()));
    terminals.push(watched);
    suite.check()?;
    let seed = context.plan.seed;
    check::stored(&suite.device.program.uri(), &bench.site, seed, &terminals).await?;
    check::caught_up(&bench.site, Terminal::acknowledged(&terminals)).await?;
    bench.ceiling.end().await?;
    suite.stop().await?;
    Ok(rows)
}

struct Bench<'a> {
    context: &'a Context<'a>,
    gateway: String,
    site: Site,
    ceiling: Ceiling,
}

/// One try of a load.
struct Try {
    outcome: Outcome,
    /// How long after the last acknowledgement all was counted.
    lag: Duration,
}

impl Bench<'_> {
    /// Row 3, and the load that was sustained.
    async fn sustained(&self, terminals: &[Terminal]) -> Result<(Vec<Row>, f64)> {
        let effort = self.context.effort;
        let mut ceilings = (Vec::new(), Latencies::default());
        let mut measure_ceiling = async || {
            let slice = Slice::now(effort.warm_up, effort.slice);
            let found = self.ceiling.measure(slice).await?;
            ceilings.0.push(found.rate);
            ceilings.1.add(&found.latencies);
            Result::Ok(found.rate)
        };
        let ceiling = measure_ceiling().await?;
        let probe = (effort.sustained / 4).max(effort.probe);
        let (mut index, _) = largest(&SHARES, |share| async move {
            let tried = self.attempt(terminals, share * ceiling, probe).await?;
            Ok(tried.outcome.rate() >= KEPT_UP * share * ceiling && tried.lag <= LAG_PROBE_MAX)
        })
        .await?;
        let (tried, held) = loop {
            let intended = SHARES[index] * ceiling;
            let tried = self.attempt(terminals, intended, effort.sustained).await?;
            let held = tried.outcome.rate() >= KEPT_UP * intended && tried.lag <= LAG_MAX;
            if held || index + 1 == SHARES.len() {
                break (tried, held);
            }
            index += 1;
        };
        measure_ceiling().await?;
        let rate = tried.outcome.rate();
        let beside = Beside {
            what: self.ceiling.describe(),
            value: Spread::of(&ceilings.0),
            unit: "rows/s",
            p50_ms: Some(ceilings.1.p50_ms()),
            p99_ms: Some(ceilings.1.p99_ms()),
        };
        let seconds = effort.sustained.as_secs();
        let load = format!(
            "open loop, {DEVICES} devices, for {seconds} s at {:.0} % of the ceiling, the largest \
             of {} loads that can be kept up",
            SHARES[index] * 100.0,
            SHARES.len()
        );
        let ratio = Spread::one(rate / beside.value.median.max(1.0));
        let database = self.context.database();
        let third = Row::new("3", database, "the same sustained, with analytics following")
            .load(load.clone())
            .value(Spread::one(rate), "ratings/s")
            .latency(&tried.outcome.latencies)
            .beside(beside, ratio)
            .goal(Goal::RatioAtLeast(0.3))
            .note_opt(tried.outcome.remark());
        let third = if held { third } else { third.failed("even the smallest load was too much") };
        let lag = Row::new("3 lag", database, "time until all of that was in the figures")
            .load(load)
            .value(Spread::one(tried.lag.as_secs_f64()), "s")
            .goal(Goal::ValueAtMost(LAG_MAX.as_secs_f64()));
        Ok((vec![third, lag], rate))
    }

    async fn attempt(&self, terminals: &[Terminal], rate: f64, length: Duration) -> Result<Try> {
        let before = Terminal::acknowledged(terminals);
        let senders = senders(&self.gateway, terminals).await?;
        let slice = Slice::now(self.context.effort.warm_up, length);
        let shape = Shape::open(rate, terminals.len());
        let outcome = stream::run(senders, shape, slice).await?;
        let lag = check::caught_up(&self.site, before + outcome.acknowledged).await?;
        say(format_args!(
            "{rate:.0} ratings/s intended: {:.0} stored, p99 {:.1} ms, figures {:.2} s behind",
            outcome.rate(),
            outcome.latencies.p99_ms(),
            lag.as_secs_f64()
        ));
        Ok(Try { outcome, lag })
    }
}
