//! Many answers: how fast they come in, and what reading costs then.

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
        GetFieldworkStatusRequest, ImportResponsesRequest, ResponseColumn, ResponseMapping,
        campaign_service_client::CampaignServiceClient,
        response_service_client::ResponseServiceClient,
    },
};

use super::{Ground, customers, export, prompt};
use crate::{
    error::{Error, Result},
    phases::Context,
    progress::say,
    report::Row,
    stats::{Latencies, Spread, rate},
    suite::Suite,
};

/// Rows of one piece of an import.
const PIECE: u64 = 5_000;
/// Pieces on the way at once.
const AT_ONCE: usize = 2;
/// How long analytics may take to take all of it in.
const FOLLOW_MAX: Duration = Duration::from_secs(900);

/// Measures.
pub async fn run(context: &Context<'_>, ground: &Arc<Ground>, suite: &Suite) -> Result<Vec<Row>> {
    let n = context.effort.ratings / 10;
    let mut rows = vec![import(context, ground, n).await?];
    follow(ground, n).await?;
    rows.push(fieldwork(context, ground, n).await?);
    rows.push(figures(context, ground, n).await?);
    rows.push(export::run(context, ground, suite, n).await?);
    rows.extend(customers::run(context, ground, suite, n).await?);
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
    // Two days more than today, whatever the zone of the unit: the answers came just now.
    let day = |hours: i64| {
        let moment = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        moment.strftime("%Y-%m-%d").to_string()
    };
    QueryFiguresRequest {
        unit: ground.unit.clone(),
        from: day(-24 * 28),
        to: day(24 * 2),
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
