//! Test-retest reliability from customers who answered twice.

use analytics_domain::{
    measures::{
        reason::Invalid,
        reliability::{icc::icc, retest::test_retest},
    },
    suppression::RESPONDENTS_MIN,
};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::analytics::v1::{EstimateRetestRequest, EstimateRetestResponse};

use super::estimate;
use crate::{outcomes::Pairs, state::App};

const LEAST_DAYS: i32 = 7;
const MOST_DAYS: i32 = 60;
const DAYS_MAX: i32 = 1_830;
const ALPHA: f64 = 0.05;
const CONFIDENCE: f64 = 0.95;

/// Compares answers with the ones before.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for days, alpha and items.
pub async fn estimate(
    app: &App,
    caller: &Caller,
    request: &EstimateRetestRequest,
) -> Result<EstimateRetestResponse> {
    let days = days(request)?;
    let alpha = if request.alpha == 0.0 { ALPHA } else { request.alpha };
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(ServiceError::invalid("alpha", "is not between 0 and 1"));
    }
    let wanted = estimate::wanted(caller, &request.unit, request.answers.as_ref())?;
    let view = caller.view()?;
    let versions = estimate::versions(app, caller, &wanted).await?;
    let graded = |id: &String| {
        versions.iter().filter_map(|version| version.item(id)).any(|item| item.scale.is_some())
    };
    if let Some(index) = request.items.iter().position(|item| !graded(item)) {
        let text = "is no graded item of the questionnaire";
        return Err(ServiceError::invalid(format!("items[{index}]"), text));
    }
    let items: Vec<String> = if request.items.is_empty() {
        versions.last().map(estimate::graded).unwrap_or_default()
    } else {
        request.items.clone()
    };
    if items.is_empty() {
        return Err(ServiceError::invalid("items", "the questionnaire has no graded item"));
    }
    let pairs = app.outcomes.pairs(&view, &wanted, items, days).await?;
    let n = pairs.first.len() as u64;
    if (1..RESPONDENTS_MIN).contains(&n) {
        return Ok(EstimateRetestResponse { suppressed: true, ..Default::default() });
    }
    described(&pairs, alpha).map_err(ServiceError::internal)
}

fn days(request: &EstimateRetestRequest) -> Result<(i32, i32)> {
    let given = |days: i32, default: i32| if days == 0 { default } else { days };
    let least = given(request.least_days, LEAST_DAYS);
    if !(1..=DAYS_MAX).contains(&least) {
        return Err(ServiceError::invalid("leastDays", "is not between 1 and 1830"));
    }
    let most = given(request.most_days, MOST_DAYS.max(least));
    if !(least..=DAYS_MAX).contains(&most) {
        return Err(ServiceError::invalid("mostDays", "is not between leastDays and 1830"));
    }
    Ok((least, most))
}

fn described(pairs: &Pairs, alpha: f64) -> std::result::Result<EstimateRetestResponse, Invalid> {
    let found = test_retest(&pairs.first, &pairs.second, alpha, CONFIDENCE)?;
    let rows: Vec<Vec<Option<f64>>> =
        pairs.first.iter().zip(&pairs.second).map(|(a, b)| vec![*a, *b]).collect();
    let agreement = if rows.is_empty() { None } else { icc(&rows, CONFIDENCE)?.icc2 };
    let mean = |values: &[Option<f64>]| {
        let sum: f64 = values.iter().flatten().sum();
        (!values.is_empty()).then(|| sum / values.len() as f64)
    };
    Ok(EstimateRetestResponse {
        n: i64::try_from(found.n).unwrap_or(i64::MAX),
        incomplete: pairs.incomplete,
        first_mean: mean(&pairs.first),
        second_mean: mean(&pairs.second),
        mean_difference: found.mean_diff,
        low: found.ci_low,
        high: found.ci_high,
        t: found.t,
        p: found.p,
        correlation: found.r,
        icc: agreement,
        stable: found.reliable,
        reason: estimate::reason(found.reason),
        suppressed: false,
    })
}
