//! That nothing was lost or doubled while figures were taken: fast and wrong is worth nothing.

use std::{iter, time::Duration};

use jiff::ToSpan as _;
use kit::{auth::InternalTokens, config::Seed, rpc::bearer};
use proto::{
    analytics::v1::{
        FigureFilter, QueryFiguresRequest, QueryFiguresResponse,
        figure_service_client::FigureServiceClient,
    },
    device::v1::{CountSourceRequest, event_service_client::EventServiceClient},
    time,
};
use tokio::time::Instant;

use crate::{
    error::{During as _, Error, Result},
    load::Terminal,
    site::Site,
};

/// How long figures may take to catch up before the run is given up.
const CATCH_UP_MAX: Duration = Duration::from_secs(300);
/// How often figures are asked for meanwhile.
const POLL: Duration = Duration::from_millis(20);
/// Presses of this long a time are counted at once, microseconds.
const PIECE_US: i64 = 20_000_000;
/// How many such times before now; an hour, longer than any phase takes.
const PIECES_BEFORE: i64 = 180;

/// Fails when the device service does not hold exactly what it acknowledged.
pub async fn stored(
    device_uri: &str,
    site: &Site,
    seed: Seed,
    terminals: &[Terminal],
) -> Result<()> {
    let acknowledged = Terminal::acknowledged(terminals);
    let chan = kit::rpc::connect(device_uri).during("connecting")?;
    let mut client = EventServiceClient::new(chan);
    let token = InternalTokens::new(&seed.0).internal();
    let mut stored = 0;
    // Nothing is written any more, so that counts of pieces add up.
    for (from, to) in pieces(jiff::Timestamp::now().as_microsecond()) {
        let organisation = site.organisation.clone();
        let (from, to) = (from.map(time::from_us), to.map(time::from_us));
        let request = CountSourceRequest { organisation, from, to };
        let answer = client.count_source(bearer(request, &token)).await;
        let counts = answer.during("counting stored ratings")?.into_inner();
        stored += counts.ratings.iter().map(|count| count.count).sum::<i64>();
    }
    if u64::try_from(stored).ok() == Some(acknowledged) {
        return Ok(());
    }
    let text = format!("{acknowledged} ratings were acknowledged and {stored} are stored");
    Err(Error::Unsound(text))
}

/// All times, cut so that the presses of a run are counted in pieces that do not take long.
fn pieces(now_us: i64) -> impl Iterator<Item = (Option<i64>, Option<i64>)> {
    let begin_us = now_us - PIECES_BEFORE * PIECE_US;
    let ends = (0..=PIECES_BEFORE).map(move |piece| Some(begin_us + piece * PIECE_US));
    let ends: Vec<_> = iter::once(None).chain(ends).chain([None]).collect();
    (1..ends.len()).map(move |place| (ends[place - 1], ends[place]))
}

/// Ratings of these days that figures count, trusted or not.
pub async fn counted(site: &Site) -> Result<u64> {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    // Days are those of the unit's zone: the neighbours cover every zone.
    let day = |days: i64| (today + days.days()).to_string();
    let request = QueryFiguresRequest {
        unit: site.headquarters.clone(),
        from: day(-1),
        to: day(1),
        filter: Some(FigureFilter { include_distrusted: true, ..FigureFilter::default() }),
        ..QueryFiguresRequest::default()
    };
    let answer = figures(site, request).await?;
    Ok(u64::try_from(answer.total.unwrap_or_default().n).unwrap_or_default())
}

/// Asks for figures as the owner.
pub async fn figures(site: &Site, request: QueryFiguresRequest) -> Result<QueryFiguresResponse> {
    let answer = site.owner.call("asking for figures", request, |chan, request| async move {
        FigureServiceClient::new(chan).query_figures(request).await
    });
    Ok(answer.await?)
}

/// Waits until figures count `acknowledged` ratings; the time that it took.
pub async fn caught_up(site: &Site, acknowledged: u64) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let counted = counted(site).await?;
        let passed = began.elapsed();
        if counted == acknowledged {
            return Ok(passed);
        }
        if counted > acknowledged || passed > CATCH_UP_MAX {
            let text = format!(
                "{acknowledged} ratings were acknowledged and figures count {counted} after {} s",
                passed.as_secs()
            );
            return Err(Error::Unsound(text));
        }
        tokio::time::sleep(POLL).await;
    }
}
