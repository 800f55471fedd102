//! Row 7: figures of a month over ten million ratings, beside the same over a hundred thousand
//! and beside GROUP BY over plain rows.

use std::{sync::Arc, time::Duration};

use proto::analytics::v1::{
    GetFreshnessRequest, GroupBy, QueryFiguresRequest,
    freshness_service_client::FreshnessServiceClient,
};
use tokio::time::Instant;
use tools::client::Client;
use uuid::Uuid;

use super::{Context, check};
use crate::{
    ceiling::device_schema,
    error::{Error, Result},
    figures::{
        BRANCHES, World,
        feed::{Feed, OfWorld},
        raw::Raw,
    },
    programs::Program,
    progress::say,
    report::{Beside, Goal, Row},
    site::Site,
    stats::{Latencies, Spread, rate},
    suite::{ANALYTICS_URI, AUTH_URI, DEVICE_URI, NOBODY, SURVEY_URI, Service},
};

/// How long analytics may make no progress before the run is given up.
const STUCK_MAX: Duration = Duration::from_secs(120);
/// Questions before the timed ones.
const WARM_UP: usize = 20;
/// Questions to the plain rows.
const RAW_TIMES: usize = 5;

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let plan = &context.plan;
    let auth = plan.service("manyi-auth", "manyi-auth", &[]).await?;
    let auth_uri = auth.program.uri();
    let nobody = [DEVICE_URI, SURVEY_URI, ANALYTICS_URI].map(|name| (name, NOBODY.to_owned()));
    let peers = [&[(AUTH_URI, auth_uri.clone())], &nobody[..]].concat();
    let front = plan.gateway("gateway-units", &peers).await?;
    let site = Site::found(&front.uri(), plan.seed).await?;
    say(format_args!("creating units"));
    let world = Arc::new(World::build(&site).await?);
    front.stop().await?;
    let effort = context.effort;
    let small = Stack::load(context, &auth_uri, &site, &world, effort.ratings_small, 1).await?;
    let large = Stack::load(context, &auth_uri, &site, &world, effort.ratings, 2).await?;
    let database = device_schema(plan, "raw", &auth_uri).await?;
    let mut raw = Raw::fill(plan.engine, &database.url, &world, effort.ratings).await?;
    let mut rows = vec![large.build_row(context.database())];
    for kind in [Kind::Branch, Kind::Region] {
        let found = measure(context, &world, &small, &large, &mut raw, kind).await?;
        rows.extend(found.rows(context, kind));
    }
    drop(raw);
    database.remove().await?;
    small.end().await?;
    large.end().await?;
    auth.end().await?;
    Ok(rows)
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One branch by day.
    Branch,
    /// All branches of a region by day.
    Region,
}

/// Analytics with its own feed and a gateway before it.
struct Stack {
    feed: Feed,
    analytics: Service,
    gateway: Program,
    site: Site,
    ratings: u64,
    loading: Duration,
}

impl Stack {
    /// Starts it and waits until everything is in the roll-ups.
    async fn load(
        context: &Context<'_>,
        auth_uri: &str,
        site: &Site,
        world: &Arc<World>,
        ratings: u64,
        number: u64,
    ) -> Result<Self> {
        let story = Arc::new(OfWorld::new(world.clone(), ratings));
        let feed = Feed::serve(story, number).await?;
        let device_uri = format!("http://{}", feed.address);
        let began = Instant::now();
        let peers = [
            (AUTH_URI, auth_uri.to_owned()),
            (DEVICE_URI, device_uri.clone()),
            (SURVEY_URI, NOBODY.to_owned()),
        ];
        let label = format!("analytics-{number}");
        let analytics = context.plan.service("manyi-analytics", &label, &peers).await?;
        let peers = [
            (AUTH_URI, auth_uri.to_owned()),
            (DEVICE_URI, device_uri),
            (SURVEY_URI, NOBODY.to_owned()),
            (ANALYTICS_URI, analytics.program.uri()),
        ];
        let gateway = context.plan.gateway(&format!("gateway-{number}"), &peers).await?;
        let site = site.at(&gateway.uri())?;
        follow(&site.owner, &feed).await?;
        let loading = began.elapsed();
        analytics.database.analyze().await?;
        Ok(Self { feed, analytics, gateway, site, ratings, loading })
    }

    /// How fast the roll-ups were built, for information.
    fn build_row(&self, database: &str) -> Row {
        Row::new("7 load", database, "roll-ups built from the feed")
            .load(format!("{} ratings, one after the other as fast as they are read", self.ratings))
            .value(Spread::one(rate(self.ratings, self.loading)), "ratings/s")
    }

    async fn end(self) -> Result<()> {
        self.gateway.stop().await?;
        self.feed.end().await;
        self.analytics.end().await
    }

    /// Asks; checks the sum.
    async fn ask(&self, unit: &str, world: &World, kind: Kind, expected: u64) -> Result<Duration> {
        let (from, to) = world.month();
        let group_by = match kind {
            Kind::Branch => vec![GroupBy::Day.into()],
            Kind::Region => vec![GroupBy::Unit.into(), GroupBy::Day.into()],
        };
        let request = QueryFiguresRequest {
            unit: unit.to_owned(),
            from: from.to_string(),
            to: to.to_string(),
            group_by,
            row_limit: 10_000,
            ..QueryFiguresRequest::default()
        };
        let began = Instant::now();
        let answer = check::figures(&self.site, request).await?;
        let took = began.elapsed();
        let n = answer.total.unwrap_or_default().n;
        if u64::try_from(n).ok() == Some(expected) {
            return Ok(took);
        }
        Err(Error::Unsound(format!("figures count {n} ratings instead of {expected}")))
    }
}

/// Waits until analytics has applied the whole feed.
pub async fn follow(owner: &Client, feed: &Feed) -> Result<()> {
    let mut last = (0, Instant::now());
    let mut told = Instant::now();
    loop {
        let answer = owner
            .call("asking how fresh figures are", GetFreshnessRequest {}, |chan, request| async {
                FreshnessServiceClient::new(chan).get_freshness(request).await
            })
            .await?;
        let device = answer.sources.into_iter().find(|source| source.source == "device");
        let (ratings, all) = feed.progress(&device.map(|d| d.position).unwrap_or_default());
        if all {
            return Ok(());
        }
        if ratings > last.0 {
            last = (ratings, Instant::now());
        } else if last.1.elapsed() > STUCK_MAX {
            return Err(Error::Unsound(format!("analytics is stuck after {ratings} ratings")));
        }
        if told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            say(format_args!("{ratings} ratings are in the roll-ups"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Latencies of one kind of question.
struct Found {
    small: Latencies,
    large: Latencies,
    raw: Latencies,
    ratings: (u64, u64),
}

async fn measure(
    context: &Context<'_>,
    world: &World,
    small: &Stack,
    large: &Stack,
    raw: &mut Raw,
    kind: Kind,
) -> Result<Found> {
    let targets = targets(world, kind);
    let expected = [small, large].map(|stack| sums(&world.expected(stack.ratings), kind));
    let mut found = Found {
        small: Latencies::default(),
        large: Latencies::default(),
        raw: Latencies::default(),
        ratings: (small.ratings, large.ratings),
    };
    let times = match kind {
        Kind::Branch => context.effort.queries,
        Kind::Region => context.effort.queries / 3,
    };
    // One after the other, so that what disturbs the machine disturbs both.
    for turn in 0..WARM_UP + times {
        let place = turn % targets.len();
        let unit = &targets[place].0;
        let few = small.ask(unit, world, kind, expected[0][place]).await?;
        let many = large.ask(unit, world, kind, expected[1][place]).await?;
        if turn >= WARM_UP {
            found.small.record(few);
            found.large.record(many);
        }
    }
    let (latencies, counted) = raw.ask(world, &targets[0].1, RAW_TIMES).await?;
    if counted != expected[1][0] {
        let text = format!("raw rows count {counted} ratings instead of {}", expected[1][0]);
        return Err(Error::Unsound(text));
    }
    found.raw = latencies;
    Ok(found)
}

/// Units to ask for, with the branches that lie in each.
fn targets(world: &World, kind: Kind) -> Vec<(String, Vec<Uuid>)> {
    let ids = |branches: &[crate::figures::Branch]| branches.iter().map(|b| b.id).collect();
    match kind {
        Kind::Region => world.regions.iter().map(|r| (r.unit.clone(), ids(&r.branches))).collect(),
        Kind::Branch => {
            let branches = world.regions.iter().flat_map(|r| &r.branches);
            branches.map(|b| (b.unit.clone(), vec![b.id])).collect()
        }
    }
}

/// Counts of branches, or summed by region.
fn sums(branches: &[u64], kind: Kind) -> Vec<u64> {
    match kind {
        Kind::Branch => branches.to_vec(),
        Kind::Region => branches.chunks(BRANCHES).map(|chunk| chunk.iter().sum()).collect(),
    }
}

impl Found {
    fn rows(&self, context: &Context<'_>, kind: Kind) -> [Row; 3] {
        let (ids, what) = match kind {
            Kind::Branch => (["7a", "7a ÷", "7a raw"], "one branch × month × day".to_owned()),
            Kind::Region => {
                (["7b", "7b ÷", "7b raw"], format!("{BRANCHES} branches × month × day"))
            }
        };
        let database = context.database();
        let load = "closed loop, one question at a time through the gateway";
        let ms = |latencies: &Latencies| Spread::one(latencies.p99_ms());
        let beside = |what: &str, latencies: &Latencies| Beside {
            what: what.to_owned(),
            value: ms(latencies),
            unit: "ms (p99)",
            p50_ms: Some(latencies.p50_ms()),
            p99_ms: Some(latencies.p99_ms()),
        };
        let (few, many) = self.ratings;
        let growth = self.large.p99_ms() / self.small.p99_ms().max(0.001);
        let medians = self.large.p50_ms() / self.small.p50_ms().max(0.001);
        let gain = self.raw.p50_ms() / self.large.p99_ms().max(0.001);
        let gain_medians = self.raw.p50_ms() / self.large.p50_ms().max(0.001);
        [
            Row::new(ids[0], database, format!("{what}, {many} ratings"))
                .load(load)
                .value(ms(&self.large), "ms (p99)")
                .latency(&self.large)
                .goal(Goal::P99AtMost(10.0))
                .note(format!("{} questions", self.large.count())),
            Row::new(ids[1], database, format!("{what}: ÷ the same over {few} ratings"))
                .load(load)
                .value(ms(&self.large), "ms (p99)")
                .latency(&self.large)
                .beside(beside("over fewer ratings", &self.small), Spread::one(growth))
                .goal(Goal::RatioAtMost(1.3))
                .note(format!("the medians' ratio is {medians:.2}")),
            Row::new(ids[2], database, format!("{what}: raw GROUP BY ÷ it"))
                .load("one connection, warm")
                .value(Spread::one(self.raw.p50_ms()), "ms (median)")
                .latency(&self.raw)
                .beside(beside("from the roll-ups", &self.large), Spread::one(gain))
                .goal(Goal::RatioAtLeast(100.0))
                .note(format!("raw median ÷ p99; to the median it is {gain_medians:.0}")),
        ]
    }
}
