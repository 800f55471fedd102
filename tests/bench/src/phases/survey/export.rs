//! Answers go out: how fast, in how much memory, and whole after a break in the middle.

use std::time::{Duration, Instant};

use proto::survey::v1::{
    ExportResponsesRequest, ResponseExportTrailer, response_service_client::ResponseServiceClient,
};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::Ground;
use crate::{
    error::{During as _, Error, Result},
    phases::Context,
    programs::Program,
    report::{Goal, Row},
    stats::{Spread, rate},
    suite::Suite,
};

/// Rows a second that an export has to reach.
const RATE_MIN: f64 = 50_000.0;
/// Between two looks at the memory of the service.
const SAMPLE: Duration = Duration::from_millis(50);

/// What came of an export.
#[derive(Default)]
struct File {
    sum: Sha256,
    bytes: u64,
    pieces: u64,
    resume: String,
    trailer: Option<ResponseExportTrailer>,
}

impl File {
    /// Reads on, at most so many pieces.
    async fn read(&mut self, ground: &Ground, most: u64) -> Result<()> {
        let request = ExportResponsesRequest {
            campaign: ground.campaign.clone(),
            resume_token: self.resume.clone(),
            ..ExportResponsesRequest::default()
        };
        let token = ground.owner.token().await?;
        let mut pieces = ResponseServiceClient::new(ground.owner.chan())
            .export_responses(kit::rpc::bearer(request, &token))
            .await
            .during("exporting")?
            .into_inner();
        for _ in 0..most {
            let Some(piece) = pieces.message().await.during("exporting")? else { break };
            self.sum.update(piece.lines.as_bytes());
            self.bytes += piece.lines.len() as u64;
            self.pieces += 1;
            self.resume = piece.resume_token;
            self.trailer = piece.trailer;
        }
        Ok(())
    }

    /// Rows of a whole file.
    fn rows(self, at_least: u64) -> Result<u64> {
        let trailer = self.trailer.ok_or_else(|| unsound("the export has no end"))?;
        let sum: String = self.sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let rows = u64::try_from(trailer.row_count).unwrap_or_default();
        if rows < at_least || sum != trailer.sha256 {
            return Err(Error::Unsound(format!("{rows} of {at_least} rows, checksum {sum}")));
        }
        Ok(rows)
    }
}

fn unsound(text: &str) -> Error {
    Error::Unsound(text.to_owned())
}

/// The most memory that a program has until it is told to stop looking.
async fn most_resident(program: &Program, stop: &CancellationToken) -> Result<u64> {
    let mut most = 0;
    loop {
        most = most.max(program.resident_bytes()?.0);
        if stop.run_until_cancelled(tokio::time::sleep(SAMPLE)).await.is_none() {
            return Ok(most.max(program.resident_bytes()?.0));
        }
    }
}

/// Measures.
pub async fn run(context: &Context<'_>, ground: &Ground, suite: &Suite, n: u64) -> Result<Row> {
    let service = suite.survey.as_ref().ok_or_else(|| unsound("no survey"))?;
    let (before, _) = service.program.resident_bytes()?;
    let began = Instant::now();
    let mut whole = File::default();
    let (took, most) = {
        let stop = CancellationToken::new();
        let reading = async {
            let _stop = stop.clone().drop_guard();
            whole.read(ground, u64::MAX).await?;
            Ok(began.elapsed())
        };
        tokio::try_join!(reading, most_resident(&service.program, &stop))?
    };
    let (bytes, pieces) = (whole.bytes, whole.pieces);
    let rows = whole.rows(n)?;
    let mut broken = File::default();
    broken.read(ground, pieces / 2).await?;
    broken.read(ground, u64::MAX).await?;
    if broken.rows(n)? != rows {
        return Err(unsound("an export that was taken up has other rows"));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    Ok(Row::new("Q5", context.database(), "export of answers as CSV, checksum compared")
        .load("one stream")
        .value(Spread::one(rate(rows, took)), "rows/s")
        .goal(Goal::ValueAtLeast(RATE_MIN))
        .note(format!("{rows} rows, {:.1} MB", megabytes(bytes)))
        .note(format!(
            "resident memory of the survey process: {:.0} MB before it, at most {:.0} MB more \
             meanwhile",
            megabytes(before),
            megabytes(most.saturating_sub(before))
        ))
        .note("broken off in the middle and taken up by its token: the same rows and checksum"))
}
