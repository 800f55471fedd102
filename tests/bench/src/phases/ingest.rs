//! Rows 1, 2, 4 and 5: ratings into the database, with and without the gateway, beside what
//! the database itself can take. Analytics does not run here.

use super::{
    Context, DEVICES, check, hall,
    shapes::{BATCHES, FULL, UNACKNOWLEDGED, in_flight, largest},
    single,
};
use crate::{
    ceiling::{Ceiling, Found},
    error::Result,
    load::{Outcome, Slice, Terminal, senders, stream, stream::Shape},
    progress::say,
    report::{Beside, Goal, Row},
    site::Site,
    stats::{Latencies, Spread},
    suite::Suite,
};

/// Bound of the second row, in milliseconds.
const PROMPT_MS: f64 = 50.0;

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let mut suite = Suite::start(&context.plan, false).await?;
    let site = Site::found(&suite.gateway.uri(), context.plan.seed).await?;
    let terminals = hall(&site).await?;
    let effort = context.effort;
    let auth_uri = suite.auth.program.uri();
    let ceiling = Ceiling::prepare(&context.plan, &auth_uri, effort.warm_up, effort.probe).await?;
    let bench = Bench {
        context,
        gateway: suite.gateway.uri(),
        device: suite.device.program.uri(),
        terminals,
        ceiling,
    };
    // The first load only fills the tables.
    bench.upload(&bench.gateway, FULL, bench.slice()).await?;
    suite.device.database.analyze().await?;
    let mut rows = bench.full().await?;
    suite.check()?;
    rows.push(bench.prompt().await?);
    suite.check()?;
    rows.push(single::run(context, &bench.gateway, &bench.terminals).await?);
    suite.check()?;
    let (seed, device) = (context.plan.seed, &bench.device);
    check::stored(device, &site, seed, &bench.terminals).await?;
    bench.ceiling.end().await?;
    suite.stop().await?;
    Ok(rows)
}

struct Bench<'a> {
    context: &'a Context<'a>,
    gateway: String,
    device: String,
    terminals: Vec<Terminal>,
    ceiling: Ceiling,
}

/// Repetitions of one kind.
#[derive(Default)]
struct Series {
    rates: Vec<f64>,
    latencies: Latencies,
    remark: Option<String>,
}

impl Series {
    fn add(&mut self, outcome: Outcome) {
        self.rates.push(outcome.rate());
        self.latencies.add(&outcome.latencies);
        self.remark = self.remark.take().or_else(|| outcome.remark());
    }

    fn add_found(&mut self, found: &Found) {
        self.rates.push(found.rate);
        self.latencies.add(&found.latencies);
    }

    fn spread(&self) -> Spread {
        Spread::of(&self.rates)
    }

    fn beside(&self, what: impl Into<String>, unit: &'static str) -> Beside {
        Beside {
            what: what.into(),
            value: self.spread(),
            unit,
            p50_ms: Some(self.latencies.p50_ms()),
            p99_ms: Some(self.latencies.p99_ms()),
        }
    }
}

impl Bench<'_> {
    fn slice(&self) -> Slice {
        Slice::now(self.context.effort.warm_up, self.context.effort.slice)
    }

    async fn upload(&self, uri: &str, shape: Shape, slice: Slice) -> Result<Outcome> {
        // Load begins when everybody is connected.
        let senders = senders(uri, &self.terminals).await?;
        let slice = Slice::now(slice.from - slice.begin, slice.length());
        let outcome = stream::run(senders, shape, slice).await?;
        say(format_args!(
            "{} in flight: {:.0} ratings/s, p99 {:.1} ms",
            in_flight(shape),
            outcome.rate(),
            outcome.latencies.p99_ms()
        ));
        Ok(outcome)
    }

    /// Rows 1 and 4, side by side.
    async fn full(&self) -> Result<Vec<Row>> {
        let (mut ceiling, mut through, mut direct) =
            (Series::default(), Series::default(), Series::default());
        for _ in 0..self.context.effort.repetitions {
            ceiling.add_found(&self.ceiling.measure(self.slice()).await?);
            through.add(self.upload(&self.gateway, FULL, self.slice()).await?);
            direct.add(self.upload(&self.device, FULL, self.slice()).await?);
        }
        let load = self.describe(FULL);
        let database = self.context.database();
        let first = Row::new("1", database, "durable ratings, streaming through the gateway")
            .load(load.clone())
            .value(through.spread(), "ratings/s")
            .latency(&through.latencies)
            .beside(
                ceiling.beside(self.ceiling.describe(), "rows/s"),
                Spread::ratio(&through.rates, &ceiling.rates),
            )
            .goal(Goal::RatioAtLeast(0.6))
            .note_opt(through.remark.clone());
        let fourth = Row::new("4", database, "streaming with ÷ without gateway")
            .load(load)
            .value(through.spread(), "ratings/s")
            .latency(&through.latencies)
            .beside(
                direct.beside("straight to the device service", "ratings/s"),
                Spread::ratio(&through.rates, &direct.rates),
            )
            .goal(Goal::RatioAtLeast(0.9))
            .note_opt(direct.remark.clone());
        Ok(vec![first, fourth])
    }

    /// Row 2: the largest load whose 99th percentile stays within the bound.
    async fn prompt(&self) -> Result<Row> {
        let effort = self.context.effort;
        let (mut index, _) = largest(&BATCHES, |batch| async move {
            let slice = Slice::now(effort.warm_up, effort.probe);
            let shape = Shape::closed(batch, UNACKNOWLEDGED);
            let outcome = self.upload(&self.gateway, shape, slice).await?;
            Ok(outcome.latencies.p99_ms() <= PROMPT_MS)
        })
        .await?;
        loop {
            let shape = Shape::closed(BATCHES[index], UNACKNOWLEDGED);
            let (mut ceiling, mut through) = (Series::default(), Series::default());
            for _ in 0..effort.repetitions {
                ceiling.add_found(&self.ceiling.measure(self.slice()).await?);
                through.add(self.upload(&self.gateway, shape, self.slice()).await?);
            }
            let p99_ms = through.latencies.p99_ms();
            if p99_ms > PROMPT_MS && index + 1 < BATCHES.len() {
                say(format_args!("p99 {p99_ms:.1} ms is too slow: once more with less load"));
                index += 1;
                continue;
            }
            let figure = "the same with p99 acknowledgement ≤ 50 ms";
            let row = Row::new("2", self.context.database(), figure)
                .load(self.describe(shape))
                .value(through.spread(), "ratings/s")
                .latency(&through.latencies)
                .beside(
                    ceiling.beside(self.ceiling.describe(), "rows/s"),
                    Spread::ratio(&through.rates, &ceiling.rates),
                )
                .goal(Goal::RatioAtLeast(0.4))
                .note_opt(through.remark.clone());
            // A load whose latency breaks the promise reaches nothing, however fast it is.
            let slow = p99_ms > PROMPT_MS;
            return Ok(if slow {
                row.failed("the smallest load is slower than that")
            } else {
                row
            });
        }
    }

    fn describe(&self, shape: Shape) -> String {
        format!(
            "closed loop, {DEVICES} devices × {} batches × {} ratings = {} in flight",
            shape.unacknowledged,
            shape.batch,
            in_flight(shape)
        )
    }
}
