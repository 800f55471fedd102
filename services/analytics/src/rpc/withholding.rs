//! Customers who were not asked to rate: the test of each member of staff, and of what else may
//! decide who is asked.

use std::collections::BTreeMap;

use analytics_domain::{
    comparing::{Withholding, strata, withholding},
    measures::comparison::adjust::{Correction, adjust},
    time::day_number,
};
use kit::{
    auth::Caller,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{
        DetectWithholdingRequest, DetectWithholdingResponse, WithholdingFactor, WithholdingRow,
    },
    device::v1::PromptingCount,
    names,
};
use uuid::Uuid;

use super::{comparison, index_question};
use crate::{
    state::{App, id},
    withholding::{self as reading, Counts},
};

const ALPHA: f64 = 0.01;
const ALPHA_MAX: f64 = 0.2;
const MODEL: &str = "Mantel-Haenszel test over strata of branch, business type and local day: \
    within a stratum, whether a customer is asked does not depend on who serves. One-sided for \
    asking fewer, with continuity correction, p-values corrected by Holm for all staff. Length \
    of services and earlier bad outcomes are not in this model (ask by service for them); a flag \
    is a reason to look, not a proof.";
const MODEL_BY_SERVICE: &str = "Mantel-Haenszel test over strata of branch, business type, local \
    day, length of the service (under 1, 2, 5, 10, 20 minutes, longer, unknown) and whether the \
    last rating of the same person on that day, before the service, was bad: within a stratum, \
    whether a customer is asked does not depend on who serves. One-sided for asking fewer, with \
    continuity correction, p-values corrected by Holm for all staff. Factors: the same test of \
    services of one length, or after a bad rating, against all others of the same person, branch, \
    business type and day, corrected by Holm for all factors. A flag is a reason to look, not a \
    proof.";
/// Classes of length as the device service numbers them, with the seconds between which they lie.
const LENGTHS: [(i32, &str); 6] = [
    (1, "length_0_60"),
    (2, "length_60_120"),
    (3, "length_120_300"),
    (4, "length_300_600"),
    (5, "length_600_1200"),
    (6, "length_1200"),
];
const AFTER_BAD: &str = "after_bad";

/// Looks for customers who were not asked.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED for the unit, INVALID_FIELD for dates and alpha,
/// TOO_MANY_BUCKETS for too many services.
pub async fn detect(
    app: &App,
    caller: &Caller,
    request: &DetectWithholdingRequest,
) -> Result<DetectWithholdingResponse> {
    let unit = id("units", "unit", &request.unit)?;
    caller.authorize(unit)?;
    let days = index_question::days(&request.from, &request.to)?;
    let alpha = if request.alpha == 0.0 { ALPHA } else { request.alpha };
    if !(alpha > 0.0 && alpha <= ALPHA_MAX) {
        return Err(ServiceError::invalid("alpha", "is not above 0 and at most 0.2"));
    }
    let view = caller.view()?;
    let [from, to] = reading::moments(&view, unit, days);
    // Services are told one by one by where they stand now, sums by where they stood then.
    let tree = if request.by_service { "TREE_UNSPECIFIED" } else { "TREE_AS_OF_SERVICE" };
    let list = |staff: Uuid| {
        let (unit, staff) = (&request.unit, names::print("staff", staff));
        let which = format!("unit={unit}&tree={tree}&staff={staff}&unpromptedOnly=true");
        format!("/v1/encounters?{which}&from={from}&to={to}")
    };
    if request.by_service {
        let services = app.outcomes.prompting(&view, unit, days).await?;
        return Ok(DetectWithholdingResponse {
            rows: rows(&view, &of_services(&services), alpha, list),
            alpha,
            model: MODEL_BY_SERVICE.to_owned(),
            watermark: String::new(),
            factors: factors(&services, alpha),
        });
    }
    let read = reading::read(&app.db, &app.ratings, &view, unit, days).await?;
    Ok(DetectWithholdingResponse {
        rows: rows(&view, &read.counts, alpha, list),
        alpha,
        model: MODEL.to_owned(),
        watermark: read.position,
        factors: Vec::new(),
    })
}

/// The test of each of those that `counts` tells apart, with its p-values corrected for all.
fn tested(counts: &Counts) -> Vec<(u128, Withholding, Option<f64>)> {
    let found: Vec<(u128, Withholding)> =
        strata(counts).into_iter().map(|(who, strata)| (who, withholding(&strata))).collect();
    let p_values: Vec<Option<f64>> = found.iter().map(|(_, one)| one.p_value).collect();
    let adjusted = adjust(&p_values, Correction::Holm);
    found.into_iter().zip(adjusted).map(|((who, one), p)| (who, one, p)).collect()
}

fn totals(counts: &Counts) -> BTreeMap<u128, (i64, i64)> {
    let int = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut totals: BTreeMap<u128, (i64, i64)> = BTreeMap::new();
    for ((_, who), (served, prompted)) in counts {
        let total = totals.entry(*who).or_default();
        *total = (total.0 + int(*served), total.1 + int(*prompted));
    }
    totals
}

fn rows(
    view: &OrgView,
    counts: &Counts,
    alpha: f64,
    list: impl Fn(Uuid) -> String,
) -> Vec<WithholdingRow> {
    let totals = totals(counts);
    let row = |(who, one, adjusted): (u128, Withholding, Option<f64>)| {
        let (served, prompted) = totals.get(&who).copied().unwrap_or_default();
        let staff = Uuid::from_u128(who);
        WithholdingRow {
            staff: names::print("staff", staff),
            display_name: comparison::display_name(view, staff),
            served,
            prompted,
            expected: one.expected,
            odds_ratio: one.odds_ratio,
            p_value: one.p_value,
            adjusted_p: adjusted,
            flagged: adjusted.is_some_and(|p| p <= alpha),
            services: list(staff),
        }
    };
    let mut rows: Vec<WithholdingRow> = tested(counts).into_iter().map(row).collect();
    rows.sort_by(|a, b| {
        let p = |row: &WithholdingRow| row.p_value.unwrap_or(2.0);
        p(a).total_cmp(&p(b)).then(a.staff.cmp(&b.staff))
    });
    rows
}

/// Adds services to counts under a key; those that it does not tell are left out.
fn counted(
    services: &[PromptingCount],
    key: impl Fn(&PromptingCount, (u128, i64, u128)) -> Option<((u128, String, i64), u128)>,
) -> Counts {
    let natural = |n: i64| u64::try_from(n).unwrap_or_default();
    let mut counts = Counts::new();
    for one in services {
        let site = names::parse("units", &one.site);
        let (Some(site), Some(staff)) = (site, names::parse("staff", &one.staff)) else { continue };
        let day = one.date.parse().map_or(0, |date| i64::from(day_number(date)));
        let Some(key) = key(one, (site.as_u128(), day, staff.as_u128())) else { continue };
        let entry = counts.entry(key).or_default();
        let served = natural(one.served);
        *entry = (entry.0 + served, entry.1 + natural(one.prompted).min(served));
    }
    counts
}

/// Staff at like work: also of like length, and alike after a bad rating or not.
fn of_services(services: &[PromptingCount]) -> Counts {
    counted(services, |one, (site, day, staff)| {
        let work =
            format!("{}\u{1f}{}\u{1f}{}", one.length_class, one.after_bad, one.business_type);
        Some(((site, work, day), staff))
    })
}

fn factors(services: &[PromptingCount], alpha: f64) -> Vec<WithholdingFactor> {
    let work = |one: &PromptingCount, staff: u128| format!("{staff:x}\u{1f}{}", one.business_type);
    let by_length = counted(services, |one, (site, day, staff)| {
        let class = u128::try_from(one.length_class).ok().filter(|class| *class > 0)?;
        Some(((site, work(one, staff), day), class))
    });
    let after_bad = counted(services, |one, (site, day, staff)| {
        Some(((site, work(one, staff), day), u128::from(one.after_bad)))
    });
    let mut found: Vec<Tested> = Vec::new();
    let (totals_by_length, totals_after) = (totals(&by_length), totals(&after_bad));
    for (class, one, _) in tested(&by_length) {
        let name = LENGTHS.iter().find(|(number, _)| u128::try_from(*number) == Ok(class));
        let total = totals_by_length.get(&class).copied().unwrap_or_default();
        found.extend(name.map(|(_, name)| (*name, one, total)));
    }
    for (_, one, _) in tested(&after_bad).into_iter().filter(|(is_after, ..)| *is_after == 1) {
        found.push((AFTER_BAD, one, totals_after.get(&1).copied().unwrap_or_default()));
    }
    let p_values: Vec<Option<f64>> = found.iter().map(|(_, one, _)| one.p_value).collect();
    let adjusted = adjust(&p_values, Correction::Holm);
    found.into_iter().zip(adjusted).map(|(one, p)| factor(one, p, alpha)).collect()
}

/// Name, what the test found, services and those whose customer was asked.
type Tested = (&'static str, Withholding, (i64, i64));

fn factor(
    (name, one, (served, prompted)): Tested,
    adjusted_p: Option<f64>,
    alpha: f64,
) -> WithholdingFactor {
    WithholdingFactor {
        factor: name.to_owned(),
        served,
        prompted,
        expected: one.expected,
        odds_ratio: one.odds_ratio,
        p_value: one.p_value,
        adjusted_p,
        flagged: adjusted_p.is_some_and(|p| p <= alpha),
    }
}
