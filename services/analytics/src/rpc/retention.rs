//! Retention by grade, and the link of satisfaction with later purchases.

use analytics_domain::outcome::{self, OfGrade};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::analytics::v1::{
    ComputeRetentionRequest, ComputeRetentionResponse, ExpectedRetention, GradeRetention,
    PurchaseLink,
};

use super::estimate;
use crate::state::App;

const FOLLOW_UP_DAYS: i32 = 180;
const FOLLOW_UP_DAYS_MAX: i32 = 1_830;
const CONFIDENCE: f64 = 0.95;

/// Computes retention.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for an item without grades or
/// with other grades in other versions.
pub async fn compute(
    app: &App,
    caller: &Caller,
    request: &ComputeRetentionRequest,
) -> Result<ComputeRetentionResponse> {
    let days = match request.follow_up_days {
        0 => FOLLOW_UP_DAYS,
        days if (1..=FOLLOW_UP_DAYS_MAX).contains(&days) => days,
        _ => return Err(ServiceError::invalid("followUpDays", "is not between 1 and 1830")),
    };
    let wanted = estimate::wanted(caller, &request.unit, request.answers.as_ref())?;
    let view = caller.view()?;
    let versions = estimate::versions(app, caller, &wanted).await?;
    let scales = versions.iter().filter_map(|version| version.item(&request.item)?.scale);
    let mut scales: Vec<(i32, i32)> = scales.collect();
    scales.dedup();
    if scales.len() != 1 {
        let text = match scales.len() {
            0 => "is no graded item of the questionnaire",
            _ => "has other grades in other versions; choose versions",
        };
        return Err(ServiceError::invalid("item", text));
    }
    let (outcomes, unfinished) = app.outcomes.outcomes(&view, &wanted, &request.item, days).await?;
    let (grades, total) = outcome::by_grade(&outcomes);
    let (hidden, total_hidden) = outcome::hidden(&grades, &total);
    let rows = grades.iter().zip(&hidden).map(|((grade, of), hidden)| row(*grade, of, *hidden));
    let shown = !total_hidden && total.customers > 0;
    Ok(ComputeRetentionResponse {
        rows: rows.collect(),
        total: Some(row(0, &total, total_hidden)),
        follow_up_days: days,
        unfinished,
        link: if shown { Some(link(&outcomes)?) } else { None },
        expected: outcome::expected(&grades).filter(|_| shown).and_then(|found| {
            let (expected, low, high) = (found.expected?, found.low?, found.high?);
            Some(ExpectedRetention { expected, low, high })
        }),
    })
}

fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn row(grade: i32, of: &OfGrade, suppressed: bool) -> GradeRetention {
    if suppressed {
        return GradeRetention { grade, suppressed, ..Default::default() };
    }
    let retention = of.retention(CONFIDENCE);
    let amount = of.amount(CONFIDENCE);
    let of_amount = amount.and_then(|(_, interval)| interval);
    GradeRetention {
        grade,
        customers: int(of.customers),
        earlier_buyers: int(of.earlier_buyers),
        retained: int(of.retained),
        retention: retention.map(|(share, _)| share),
        low: retention.map(|(_, interval)| interval.low),
        high: retention.map(|(_, interval)| interval.high),
        later_buyers: int(of.later_buyers),
        purchases_per_customer: of.purchases_per_customer(),
        amount_cents_per_customer: amount.map(|(mean, _)| mean),
        amount_low: of_amount.map(|interval| interval.low),
        amount_high: of_amount.map(|interval| interval.high),
        suppressed: false,
    }
}

fn link(outcomes: &[outcome::Outcome]) -> Result<PurchaseLink> {
    let invalid = |error: analytics_domain::measures::reason::Invalid| {
        ServiceError::invalid("answers", format!("are too many: {error}"))
    };
    let found = outcome::link(outcomes, CONFIDENCE).map_err(invalid)?;
    Ok(PurchaseLink {
        n: int(found.n),
        rho: found.rho,
        rho_p: found.rho_p,
        n_earlier_buyers: int(found.n_earlier_buyers),
        odds_ratio: found.odds.map(|(odds, ..)| odds),
        odds_low: found.odds.and_then(|(_, low, _)| low),
        odds_high: found.odds.and_then(|(.., high)| high),
        odds_p: found.odds_p,
        reason: estimate::reason(found.reason),
    })
}
