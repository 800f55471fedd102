//! That nothing was lost or doubled while figures were taken: fast and wrong is worth nothing.

use std::time::Duration;

use jiff::ToSpan as _;
use kit::{auth::InternalTokens, config::Seed, rpc::bearer};
use proto::{
    analytics::v1::{
        FigureFilter, QueryFiguresRequest, QueryFiguresResponse,
        figure_service_client::FigureServiceClient,
    },
    device::v1::{CountSourceRequest, event_service_client::EventServiceClient},
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
    let organisation = site.organisation.clone();
    let request = CountSourceRequest { organisation, ..Default::default() };
    let during = "counting stored ratings";
    let answer = client.count_source(bearer(request, &token)).await;
    let (mut counting, mut stored) = (answer.during(during)?.into_inner(), 0);
    while let Some(counts) = counting.message().await.during(during)? {
        stored += counts.ratings.iter().map(|count| count.count).sum::<i64>();
    }
    if u64::try_from(stored).ok() == Some(acknowledged) {
        return Ok(());
    }
    let text = format!("{acknowledged} ratings were acknowledged and {stored} are stored");
    Err(Error::Unsound(text))
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
