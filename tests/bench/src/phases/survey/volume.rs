//! Many answers and many customers: how fast they come in, what reading costs then, and how
//! fast they go out.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::{
    analytics::v1::{
        FigureFilter, FigureSource, GroupBy, QueryFiguresRequest,
        figure_service_client::FigureServiceClient,
    },
    survey::v1::{
        CreateCustomerImportRequest, CustomerImport, ExportResponsesRequest,
        GetFieldworkStatusRequest, ImportKind, ImportResponsesRequest, ImportState, ResponseColumn,
        ResponseMapping, RunCustomerImportRequest, UploadImportPartRequest,
        campaign_service_client::CampaignServiceClient,
        customer_import_service_client::CustomerImportServiceClient,
        response_service_client::ResponseServiceClient,
    },
};
use sha2::{Digest as _, Sha256};

use super::{Ground, prompt};
use crate::{
    error::{During as _, Error, Result},
    phases::Context,
    progress::say,
    report::{Goal, Row},
    stats::{Latencies, Spread, rate},
    suite::Suite,
};

/// Rows of one piece of an import.
const PIECE: u64 = 5_000;
/// Pieces on the way at once.
const AT_ONCE: usize = 2;
/// How long analytics may take to take all of it in.
const FOLLOW_MAX: Duration = Duration::from_secs(900);
/// Bytes of an uploaded part.
const PART: usize = 512 * 1024;

/// Measures.
pub async fn run(context: &Context<'_>, ground: &Arc<Ground>, suite: &Suite) -> Result<Vec<Row>> {
    let n = context.effort.ratings / 10;
    let mut rows = vec![import(context, ground, n).await?];
    follow(ground, n).await?;
    rows.push(fieldwork(context, ground, n).await?);
    rows.push(figures(context, ground, n).await?);
    rows.push(export(context, ground, n).await?);
    rows.push(customers(context, ground, suite, n).await?);
    Ok(rows)
}

async fn import(context: &Context<'_>, ground: &Arc<Ground>, n: u64) -> Result<Row> {
    let began = Instant::now();
    let pieces = stream::iter((0..n).step_by(PIECE as usize)).map(|from| {
        let ground = ground.clone();
        async move { piece(&ground, from, (from + PIECE).min(n)).await }
    });
    let stored: u64 =
        pieces.buffer_unordered(AT_ONCE).try_fold(0, |sum, n| async move { Ok(sum + n) }).await?;
    let took = began.elapsed();
    if stored != n {
        return Err(Error::Unsound(format!("{stored} of {n} answers were stored")));
    }
    say(format_args!("{n} answers imported in {:.1} s", took.as_secs_f64()));
    Ok(Row::new("Q2", context.database(), format!("import of {n} answers, eight columns"))
        .load(format!("{AT_ONCE} pieces of {PIECE} rows at once"))
        .value(Spread::one(rate(n, took)), "responses/s"))
}

async fn piece(ground: &Ground, from: u64, to: u64) -> Result<u64> {
    let questions =
        ["business", "overall", "attitude", "skill", "efficiency", "explanation", "environment"];
    let column = |name: &str| ResponseColumn {
        column: name.to_owned(),
        target: name.to_owned(),
        ..ResponseColumn::default()
    };
    let mapping = ResponseMapping {
        row_id_column: "id".to_owned(),
        columns: questions.map(column).into(),
        ..ResponseMapping::default()
    };
    let mut csv = format!("id,{}\n", questions.join(","));
    for i in from..to {
        let g = |shift: u64| 1 + (i * 2_654_435_761 / 97 + shift) % 5;
        let _ = writeln!(csv, "{i},cash,{},{},{},{},{},{}", g(0), g(1), g(3), g(2), g(0), g(4));
    }
    let request = ImportResponsesRequest {
        campaign: ground.campaign.clone(),
        mapping: Some(mapping),
        csv,
        first_row: i64::try_from(from + 1).unwrap_or_default(),
        dry_run: false,
    };
    let answer = ground
        .owner
        .call("importing answers", request, |chan, request| async move {
            ResponseServiceClient::new(chan).import_responses(request).await
        })
        .await?;
    if let Some(error) = answer.errors.first() {
        return Err(Error::Unsound(format!("row {}: {}", error.row, error.description)));
    }
    Ok(u64::try_from(answer.stored_count).unwrap_or_default())
}

fn question(ground: &Ground) -> QueryFiguresRequest {
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let month_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 30);
    QueryFiguresRequest {
        unit: ground.unit.clone(),
        from: month_ago.strftime("%Y-%m-%d").to_string(),
        to: today,
        time_zone: "UTC".to_owned(),
        source: FigureSource::Questionnaires.into(),
        group_by: vec![GroupBy::Item.into()],
        filter: Some(FigureFilter {
            questionnaires: vec![ground.questionnaire.clone()],
            include_distrusted: true,
            ..FigureFilter::default()
        }),
        ..QueryFiguresRequest::default()
    }
}

/// Answers that the figures count to the overall question.
async fn counted(ground: &Ground) -> Result<u64> {
    let found = ground
        .owner
        .call("asking for figures", question(ground), |chan, request| async move {
            FigureServiceClient::new(chan).query_figures(request).await
        })
        .await?;
    let is_overall = |key: &str| key.rsplit('/').next() == Some("overall");
    let overall =
        found.rows.iter().find(|row| row.key.as_ref().is_some_and(|key| is_overall(&key.item)));
    Ok(overall.map_or(0, |row| u64::try_from(row.n).unwrap_or_default()))
}

async fn follow(ground: &Ground, n: u64) -> Result<()> {
    let began = Instant::now();
    loop {
        let now = counted(ground).await?;
        if now >= n {
            say(format_args!("{now} answers counted {:.1} s after", began.elapsed().as_secs_f64()));
            return Ok(());
        }
        if began.elapsed() > FOLLOW_MAX {
            return Err(Error::Unsound(format!("{now} of {n} answers are counted")));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn fieldwork(context: &Context<'_>, ground: &Ground, n: u64) -> Result<Row> {
    let mut latencies = Latencies::default();
    for _ in 0..context.effort.queries {
        let request = GetFieldworkStatusRequest {
            name: ground.campaign.clone(),
            ..GetFieldworkStatusRequest::default()
        };
        let began = Instant::now();
        ground
            .owner
            .call("asking for the state of fieldwork", request, |chan, request| async move {
                CampaignServiceClient::new(chan).get_fieldwork_status(request).await
            })
            .await?;
        latencies.record(began.elapsed());
    }
    Ok(prompt("Q3", context, format!("state of fieldwork at {n} answers"), &latencies))
}

async fn figures(context: &Context<'_>, ground: &Ground, n: u64) -> Result<Row> {
    let mut latencies = Latencies::default();
    for _ in 0..context.effort.queries {
        let began = Instant::now();
        counted(ground).await?;
        latencies.record(began.elapsed());
    }
    Ok(prompt("Q4", context, format!("figures of all items, 30 days, at {n} answers"), &latencies))
}

async fn export(context: &Context<'_>, ground: &Ground, n: u64) -> Result<Row> {
    let request = ExportResponsesRequest {
        campaign: ground.campaign.clone(),
        ..ExportResponsesRequest::default()
    };
    let began = Instant::now();
    let token = ground.owner.token().await?;
    let request = kit::rpc::bearer(request, &token);
    let mut pieces = ResponseServiceClient::new(ground.owner.chan())
        .export_responses(request)
        .await
        .during("exporting")?
        .into_inner();
    let (mut file, mut trailer, mut bytes) = (Sha256::new(), None, 0_u64);
    while let Some(piece) = pieces.message().await.during("exporting")? {
        file.update(piece.lines.as_bytes());
        bytes += piece.lines.len() as u64;
        trailer = piece.trailer;
    }
    let took = began.elapsed();
    let trailer = trailer.ok_or_else(|| Error::Unsound("the export has no end".to_owned()))?;
    let sum: String = file.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let rows = u64::try_from(trailer.row_count).unwrap_or_default();
    if rows < n || sum != trailer.sha256 {
        return Err(Error::Unsound(format!("{rows} of {n} rows, checksum {sum}")));
    }
    Ok(Row::new("Q5", context.database(), "export of answers as CSV, checksum compared")
        .load("one stream")
        .value(Spread::one(rate(rows, took)), "rows/s")
        .note(format!("{rows} rows, {:.1} MB", bytes as f64 / 1e6))
        .note("goal: at least 50,000 rows/s"))
}

async fn customers(context: &Context<'_>, ground: &Ground, suite: &Suite, n: u64) -> Result<Row> {
    let mut csv = "external_id,display_name,phone,email,class\n".to_owned();
    for i in 0..n {
        let _ = writeln!(csv, "C{i},Customer {i},+861380{i:07},c{i}@example.com,external");
    }
    let service = suite.survey.as_ref().ok_or_else(|| Error::Unsound("no survey".to_owned()))?;
    let began = Instant::now();
    let made = declare(ground, &csv).await?;
    upload(ground, &made, csv.as_bytes()).await?;
    let done = wait_for(ground, made).await?;
    let took = began.elapsed();
    let (now, most) = service.program.resident_bytes()?;
    if u64::try_from(done.created_count).unwrap_or_default() != n {
        return Err(Error::Unsound(format!("{done:?}")));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    Ok(Row::new("Q6", context.database(), format!("import of {n} customers, encrypted"))
        .load("parts of 512 KiB, one file")
        .value(Spread::one(rate(n, took)), "customers/s")
        .goal(Goal::None)
        .note(format!(
            "resident memory of the survey process: {:.0} MB after it, {:.0} MB at most",
            megabytes(now),
            megabytes(most)
        )))
}

async fn declare(ground: &Ground, csv: &str) -> Result<CustomerImport> {
    let sum = Sha256::digest(csv.as_bytes());
    let customer_import = CustomerImport {
        unit: ground.unit.clone(),
        kind: ImportKind::Customers.into(),
        length_bytes: i64::try_from(csv.len()).unwrap_or_default(),
        content_sha256: sum.iter().map(|byte| format!("{byte:02x}")).collect(),
        ..CustomerImport::default()
    };
    let request = CreateCustomerImportRequest { customer_import: Some(customer_import) };
    let made = ground.owner.call("declaring a file", request, |chan, request| async move {
        CustomerImportServiceClient::new(chan).create_customer_import(request).await
    });
    Ok(made.await?)
}

async fn upload(ground: &Ground, import: &CustomerImport, bytes: &[u8]) -> Result<()> {
    use base64::Engine as _;
    for (number, part) in bytes.chunks(PART).enumerate() {
        let request = UploadImportPartRequest {
            name: import.name.clone(),
            offset_bytes: i64::try_from(number * PART).unwrap_or_default(),
            content_base64: base64::engine::general_purpose::STANDARD.encode(part),
        };
        ground
            .owner
            .call("uploading a part", request, |chan, request| async move {
                CustomerImportServiceClient::new(chan).upload_import_part(request).await
            })
            .await?;
    }
    Ok(())
}

async fn wait_for(ground: &Ground, mut import: CustomerImport) -> Result<CustomerImport> {
    let done = [ImportState::Done as i32, ImportState::Failed as i32];
    while !done.contains(&import.state) {
        let request = RunCustomerImportRequest { name: import.name.clone() };
        import = ground
            .owner
            .call("running an import", request, |chan, request| async move {
                CustomerImportServiceClient::new(chan).run_customer_import(request).await
            })
            .await?;
    }
    Ok(import)
}
