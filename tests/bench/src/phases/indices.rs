//! Rows S3 and S4: the index of a province, and a ranking of all its branches, from roll-ups that
//! analytics built from a feed.

mod province;

use std::{sync::Arc, time::Duration};

use proto::analytics::v1::{
    CreateIndexRequest, IndexQuestion, IndexRun, PeriodKind, RankUnitsRequest, RunIndexRequest,
    comparison_service_client::ComparisonServiceClient, index_service_client::IndexServiceClient,
};
use tokio::time::Instant;

use super::{Context, figures::follow};
use crate::{
    error::{Error, Result},
    figures::feed::{Feed, Story as _},
    progress::say,
    report::{Goal, Row},
    site::Site,
    stats::{Latencies, Spread, rate},
    suite::{ANALYTICS_URI, AUTH_URI, DEVICE_URI, NOBODY, SURVEY_URI, Service},
};
use province::{INDICATORS, Province, leaf};

/// Largest answer.
const ANSWER_MAX: usize = 64 << 20;
/// Calls before the timed ones.
const WARM_UP: usize = 1;
/// Timed runs of an index; each is stored.
const RUNS: usize = 7;
/// Timed rankings.
const RANKINGS: usize = 100;

/// Measures.
pub async fn run(context: &Context<'_>) -> Result<Vec<Row>> {
    let plan = &context.plan;
    let (branches, months) = context.effort.province;
    let auth = plan.service("manyi-auth", "manyi-auth", &[]).await?;
    let auth_uri = auth.program.uri();
    let nobody = [DEVICE_URI, SURVEY_URI, ANALYTICS_URI].map(|name| (name, NOBODY.to_owned()));
    let peers = [&[(AUTH_URI, auth_uri.clone())], &nobody[..]].concat();
    let front = plan.gateway("gateway-units", &peers).await?;
    let site = Site::found(&front.uri(), plan.seed).await?;
    say(format_args!("creating {branches} branches"));
    let province = Arc::new(Province::build(&site, branches, months).await?);
    front.stop().await?;

    let feed = Feed::serve(province.clone(), 1).await?;
    let peers = [
        (AUTH_URI, auth_uri.clone()),
        (DEVICE_URI, format!("http://{}", feed.address)),
        (SURVEY_URI, NOBODY.to_owned()),
    ];
    let began = Instant::now();
    let analytics = plan.service("manyi-analytics", "manyi-analytics", &peers).await?;
    let peers = [&peers[..], &[(ANALYTICS_URI, analytics.program.uri())]].concat();
    let gateway = plan.gateway("gateway", &peers).await?;
    let site = site.at(&gateway.uri())?;
    follow(&site.owner, &feed).await?;
    let loading = began.elapsed();
    analytics.database.analyze().await?;
    let province = Measured { context, site, province, analytics, loading };
    let rows = vec![
        province.load_row(),
        province.index().await?,
        province.ranking(false).await?,
        province.ranking(true).await?,
    ];
    gateway.stop().await?;
    feed.end().await;
    province.analytics.end().await?;
    auth.end().await?;
    Ok(rows)
}

/// A province in the roll-ups.
struct Measured<'a> {
    context: &'a Context<'a>,
    site: Site,
    province: Arc<Province>,
    analytics: Service,
    loading: Duration,
}

impl Measured<'_> {
    fn load_row(&self) -> Row {
        let items = self.province.ratings() * INDICATORS as u64;
        Row::new("S3 load", self.context.database(), "roll-ups of a province built from the feed")
            .load(format!("{} ratings of {INDICATORS} items each", self.province.ratings()))
            .value(Spread::one(rate(items, self.loading)), "grades/s")
    }

    /// Resident memory of analytics in megabytes: now, and the most it ever had.
    fn memory(&self) -> Result<(f64, f64)> {
        let (now, most) = self.analytics.program.resident_bytes()?;
        #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^53 bytes")]
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        Ok((megabytes(now), megabytes(most)))
    }

    async fn index(&self) -> Result<Row> {
        let request = CreateIndexRequest {
            unit: self.site.headquarters.clone(),
            definition: Some(self.province.definition()),
            request_id: String::new(),
        };
        let index = self
            .site
            .owner
            .call("creating an index", request, |chan, request| async move {
                IndexServiceClient::new(chan).create_index(request).await
            })
            .await?;
        let (from, to) = self.province.days()?;
        let question = IndexQuestion {
            sites: true,
            from,
            to,
            period: PeriodKind::Month.into(),
            ..IndexQuestion::default()
        };
        let before = self.memory()?.0;
        let mut seconds = Vec::new();
        for turn in 0..WARM_UP + RUNS {
            let request = RunIndexRequest {
                name: index.name.clone(),
                question: Some(question.clone()),
                ..RunIndexRequest::default()
            };
            let began = Instant::now();
            let run = self
                .site
                .owner
                .call("running an index", request, |chan, request| async move {
                    let client = IndexServiceClient::new(chan);
                    client.max_decoding_message_size(ANSWER_MAX).run_index(request).await
                })
                .await?;
            let took = began.elapsed().as_secs_f64();
            self.check(&run)?;
            if turn >= WARM_UP {
                seconds.push(took);
            }
        }
        let (now, most) = self.memory()?;
        let (branches, months) = (self.province.branches.len(), self.province.months());
        let what =
            format!("index of a province, {branches} units × {INDICATORS} × {months} months");
        say(format_args!("{what}: {:.2} s", Spread::of(&seconds).median));
        Ok(Row::new("S3", self.context.database(), what)
            .load("one run at a time through the gateway, stored, all rows in the answer")
            .value(Spread::of(&seconds), "s")
            .goal(Goal::ValueAtMost(1.0))
            .note(format!(
                "analytics: {before:.0} MB before, {now:.0} MB after, at most {most:.0} MB"
            )))
    }

    /// Whether the run says what the formula says.
    fn check(&self, run: &IndexRun) -> Result<()> {
        let (branches, months) = (self.province.branches.len(), self.province.months());
        if run.rows.len() != branches * months {
            let text = format!("{} rows instead of {branches} × {months}", run.rows.len());
            return Err(Error::Unsound(text));
        }
        let places: std::collections::HashMap<&str, usize> =
            self.province.branches.iter().map(String::as_str).zip(0..).collect();
        for (at, row) in run.rows.iter().enumerate() {
            let branch = places.get(row.unit.as_str());
            let expected = branch.map(|branch| self.province.expected(*branch, at % months));
            let close = row.value.zip(expected).is_some_and(|(a, b)| (a - b).abs() < 1e-6);
            if !close {
                let text = format!("{} is {:?} instead of {expected:?}", row.unit, row.value);
                return Err(Error::Unsound(text));
            }
        }
        Ok(())
    }

    /// Of the last month, or of all of them.
    async fn ranking(&self, all: bool) -> Result<Row> {
        let (from, to) = if all { self.province.days()? } else { self.province.last_month()? };
        let request = RankUnitsRequest {
            below: self.site.headquarters.clone(),
            sites: true,
            measure: Some(leaf("")),
            from,
            to,
            ..RankUnitsRequest::default()
        };
        let mut latencies = Latencies::default();
        for turn in 0..WARM_UP + RANKINGS {
            let began = Instant::now();
            let found = self
                .site
                .owner
                .call("ranking units", request.clone(), |chan, request| async move {
                    ComparisonServiceClient::new(chan).rank_units(request).await
                })
                .await?;
            let took = began.elapsed();
            if found.rows.len() != self.province.branches.len() {
                return Err(Error::Unsound(format!("{} units are ranked", found.rows.len())));
            }
            if turn >= WARM_UP {
                latencies.record(took);
            }
        }
        let units = self.province.branches.len();
        let (id, span) = if all { ("S4 all", self.province.months()) } else { ("S4", 1) };
        let what = format!("ranking of {units} units over months: {span}");
        Ok(Row::new(id, self.context.database(), what)
            .load("one at a time through the gateway")
            .value(Spread::one(latencies.p50_ms()), "ms (median)")
            .latency(&latencies)
            .goal(Goal::ValueAtMost(100.0))
            .note(format!("analytics: at most {:.0} MB", self.memory()?.1)))
    }
}
