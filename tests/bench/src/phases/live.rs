//! Row 6: how soon after its acknowledgement a rating is in the live stream, while the rest of
//! the hall makes half of the load that can be sustained.

use std::time::Duration;

use kit::rpc::{bearer, connect};
use proto::analytics::v1::{
    FigureRow, WatchFiguresRequest, WatchFiguresResponse,
    figure_service_client::FigureServiceClient,
};
use tokio::{sync::mpsc, time::Instant};
use tonic::Streaming;

use crate::{
    error::{During as _, Error, Result},
    load::{
        Slice, Terminal, senders, stream,
        stream::{Pace, Shape},
    },
    options::Effort,
    progress::say,
    report::{Goal, Row},
    site::Site,
    stats::{Latencies, Spread},
};

/// Time between ratings that are looked for in the stream.
const EVERY: Duration = Duration::from_millis(40);
/// How long the stream may take to show the last one.
const SHOWN_MAX: Duration = Duration::from_secs(20);

/// A branch whose live figures are watched.
pub struct Watch<'a> {
    /// The organisation.
    pub site: &'a Site,
    /// The gateway.
    pub gateway: &'a str,
    /// The branch; only the watched device sends there.
    pub branch: &'a str,
}

/// What was found.
pub struct Live {
    latencies: Latencies,
    background: f64,
}

/// What the stream said: how many ratings, and when.
type Shown = (u64, Instant);

impl Watch<'_> {
    /// Measures with `rate` ratings per second from the rest of the hall.
    pub async fn measure(
        &self,
        terminals: &[Terminal],
        watched: &Terminal,
        rate: f64,
        effort: Effort,
    ) -> Result<Live> {
        let (base, shown) = self.open().await?;
        let background = senders(self.gateway, terminals).await?;
        let probe = senders(self.gateway, std::slice::from_ref(watched)).await?;
        let slice = Slice::now(effort.warm_up, effort.live);
        let background = stream::run(background, Shape::open(rate, terminals.len()), slice);
        let single =
            Shape { batch: 1, unacknowledged: 2, pace: Pace::Every(EVERY), keep_times: true };
        let (background, probe) = tokio::try_join!(background, stream::run(probe, single, slice))?;
        let shown = until_shown(shown, base + probe.acknowledged).await?;
        let mut latencies = Latencies::default();
        for (acknowledged, count) in probe.acknowledged_at.iter().zip(base + 1..) {
            let seen = shown.iter().find(|(shown, _)| *shown >= count);
            if let Some((_, at)) = seen.filter(|_| slice.holds(*acknowledged)) {
                // It may be seen before the acknowledgement has travelled back.
                latencies.record(at.saturating_duration_since(*acknowledged));
            }
        }
        say(format_args!(
            "acknowledgement to live stream: p50 {:.0} ms, p99 {:.0} ms",
            latencies.p50_ms(),
            latencies.p99_ms()
        ));
        Ok(Live { latencies, background: background.rate() })
    }

    /// Opens the stream; answers what it counts now and everything it says later.
    async fn open(&self) -> Result<(u64, mpsc::UnboundedReceiver<Shown>)> {
        let request =
            WatchFiguresRequest { unit: self.branch.to_owned(), ..WatchFiguresRequest::default() };
        let token = self.site.owner.token().await?;
        let chan = connect(self.gateway).during("connecting")?;
        let answer = FigureServiceClient::new(chan).watch_figures(bearer(request, &token)).await;
        let mut stream = answer.during("watching figures")?.into_inner();
        let ended = || Error::Unsound("the live stream ended".to_owned());
        let first = stream.message().await.during("watching figures")?.ok_or_else(ended)?;
        let (tx, rx) = mpsc::unbounded_channel();
        tokio::spawn(listen(stream, tx));
        Ok((count(first.total.as_ref()), rx))
    }
}

async fn listen(mut stream: Streaming<WatchFiguresResponse>, tx: mpsc::UnboundedSender<Shown>) {
    while let Ok(Some(message)) = stream.message().await {
        if tx.send((count(message.total.as_ref()), Instant::now())).is_err() {
            return;
        }
    }
}

/// All ratings of a row, trusted or not.
fn count(row: Option<&FigureRow>) -> u64 {
    row.map_or(0, |row| u64::try_from(row.n + row.distrusted).unwrap_or_default())
}

/// Everything that the stream says until it shows `count` ratings.
async fn until_shown(mut shown: mpsc::UnboundedReceiver<Shown>, count: u64) -> Result<Vec<Shown>> {
    let until = Instant::now() + SHOWN_MAX;
    let mut all: Vec<Shown> = Vec::new();
    while all.last().is_none_or(|(last, _)| *last < count) {
        match tokio::time::timeout_at(until, shown.recv()).await {
            Ok(Some(state)) => all.push(state),
            Ok(None) => return Err(Error::Unsound("the live stream broke off".to_owned())),
            Err(_) => {
                let last = all.last().map_or(0, |(last, _)| *last);
                let text = format!("the live stream shows {last} ratings instead of {count}");
                return Err(Error::Unsound(text));
            }
        }
    }
    Ok(all)
}

impl Live {
    /// The row.
    pub fn row(&self, database: &str) -> Row {
        Row::new("6", database, "acknowledgement → live stream at half load")
            .load(format!(
                "open loop, one rating every {} ms at the watched branch beside {:.0} ratings/s \
                 elsewhere, half of row 3",
                EVERY.as_millis(),
                self.background
            ))
            .value(Spread::one(self.latencies.p99_ms()), "ms (p99)")
            .latency(&self.latencies)
            .goal(Goal::P99AtMost(300.0))
            .note(format!("{} ratings were looked for", self.latencies.count()))
    }
}
