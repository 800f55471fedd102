//! Reads what is asked of an index.

use std::{collections::HashSet, sync::Arc};

use analytics_domain::{
    index::{
        check::Tree,
        definition::Definition,
        periods::{Kind, Periods},
    },
    time::day_number,
};
use jiff::civil::Date;
use kit::{
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{IndexQuestion, PeriodKind},
    auth::v1::UnitKind,
    names,
};
use uuid::Uuid;

use super::request;
use crate::{
    indices::{Asked, DRAWS_MAX, ROWS_MAX, VALUES_MAX},
    store::sums::{more_than, too_many},
};

/// Most periods of a run.
const PERIODS_MAX: usize = 120;
const RESAMPLES_MAX: i32 = 5_000;

/// The question of a request about an index of `top`.
///
/// # Errors
/// INVALID_FIELD for what makes no sense, NOT_FOUND for units outside of the index's unit,
/// TOO_MANY_BUCKETS for more rows or draws than a run may have.
pub fn asked(
    view: &OrgView,
    top: Uuid,
    definition: Definition,
    tree: Tree,
    question: &IndexQuestion,
) -> Result<Asked> {
    let units = units(view, top, question)?;
    let days = days(&question.from, &question.to)?;
    let kind = match question.period() {
        PeriodKind::Unspecified | PeriodKind::Whole => Kind::Whole,
        PeriodKind::Month => Kind::Month,
        PeriodKind::Quarter => Kind::Quarter,
        PeriodKind::Year => Kind::Year,
    };
    let periods = Periods::cut(kind, days, PERIODS_MAX).ok_or_else(too_many)?;
    let confidence = confidence(question.confidence)?;
    if !(0..=RESAMPLES_MAX).contains(&question.bootstrap_resamples) {
        let field = "question.bootstrapResamples";
        return Err(ServiceError::invalid(field, "is not between 0 and 5000"));
    }
    let resamples = usize::try_from(question.bootstrap_resamples).unwrap_or_default();
    let rows = units.len() * periods.days.len();
    let values = rows * tree.leaves.len();
    for (what, asked, most) in [
        ("rows (units × periods)", rows, ROWS_MAX),
        ("rows × leaves", values, VALUES_MAX),
        ("rows × leaves × resamples", values * resamples, DRAWS_MAX),
    ] {
        if asked > most {
            return Err(more_than(what, asked, most));
        }
    }
    Ok(Asked {
        definition: Arc::new(definition),
        tree: Arc::new(tree),
        units,
        staff_of: None,
        days,
        periods,
        confidence,
        resamples,
        seed: question.seed.cast_unsigned(),
        units_tree: request::tree(question.tree()),
    })
}

/// Confidence of intervals.
///
/// # Errors
/// INVALID_FIELD outside of 0.5 to 1.
pub fn confidence(given: f64) -> Result<f64> {
    let confidence = if given == 0.0 { 0.95 } else { given };
    if confidence > 0.5 && confidence < 1.0 {
        Ok(confidence)
    } else {
        Err(ServiceError::invalid("question.confidence", "is not between 0.5 and 1"))
    }
}

/// First local day and the one after the last of two dates.
///
/// # Errors
/// INVALID_FIELD for what is no date, or an end before the start.
pub fn days(from: &str, to: &str) -> Result<(i32, i32)> {
    let date = |field: &str, text: &str| -> Result<Date> {
        let date: Option<Date> = text.parse().ok();
        let in_range = |date: &Date| (2..=9_997).contains(&date.year());
        date.filter(in_range).ok_or_else(|| {
            ServiceError::invalid(field, "is no date such as 2026-11-01, or out of range")
        })
    };
    let (first, last) = (date("question.from", from)?, date("question.to", to)?);
    if last < first {
        return Err(ServiceError::invalid("question.to", "is before the start"));
    }
    Ok((day_number(first), day_number(last) + 1))
}

/// The units of a question about an index of `top`.
///
/// # Errors
/// NOT_FOUND for units outside of `top`.
pub fn units(view: &OrgView, top: Uuid, question: &IndexQuestion) -> Result<Vec<Uuid>> {
    let inside = |name: &str| {
        names::parse("units", name)
            .filter(|unit| view.unit(*unit).is_some() && view.is_within(*unit, top))
            .ok_or_else(|| ServiceError::not_found("unit"))
    };
    if !question.units.is_empty() {
        let mut seen = HashSet::new();
        let mut units = Vec::new();
        for name in &question.units {
            let unit = inside(name)?;
            if seen.insert(unit) {
                units.push(unit);
            }
        }
        return Ok(units);
    }
    let below = if question.below.is_empty() { top } else { inside(&question.below)? };
    if !question.sites {
        return Ok(std::iter::once(below).chain(view.children(below).iter().copied()).collect());
    }
    let is_window = |id: &Uuid| view.unit(*id).is_some_and(|u| u.kind == UnitKind::Window);
    let is_site = |id: &Uuid| !is_window(id) && view.children(*id).iter().all(is_window);
    let mut sites: Vec<Uuid> = view.subtree(below).into_iter().filter(is_site).collect();
    sites.sort_unstable();
    Ok(sites)
}
