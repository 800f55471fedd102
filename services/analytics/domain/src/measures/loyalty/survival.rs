//! How long customers stay when some have not left yet.

use serde::Serialize;

use crate::measures::bounds::is_amount;
use crate::measures::distributions::normal_critical;
use crate::measures::reason::{Invalid, Reason, Result};

/// The product of survivals may miss one half by rounding.
const SLACK: f64 = 1e-12;

/// A time at which customers left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The time, in the unit of the durations.
    pub time: f64,
    /// Customers still there just before.
    pub at_risk: u64,
    /// Customers who left.
    pub events: u64,
    /// Share still there afterwards.
    pub survival: f64,
    /// Lower end of the interval; `None` when nobody is left.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Survival of customers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Survival {
    /// Customers with a duration.
    pub n: usize,
    /// The times at which customers left, ascending.
    pub table: Vec<Step>,
    /// First time with at most one half still there.
    pub median: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Kaplan-Meier estimate of the share of customers still there. A customer without an event was
/// still there when last seen.
///
/// Formula: S = Π(1 - d/n) over the times with events; Greenwood's G = Σd/(n(n-d)); log-log
/// interval S^exp(±z·√G/|ln S|).
///
/// Source: Kaplan & Meier (1958); Greenwood (1926); Kalbfleisch & Prentice (1980) for the
/// interval.
///
/// Edge cases: S = 0: limits `None`, `zero_variance`; half of the customers have not left:
/// median `None`, `n_too_small`; nobody: `no_data`; customers with a missing value are left out.
///
/// Errors: lists of different lengths, a negative duration.
pub fn kaplan_meier(
    durations: &[Option<f64>],
    events: &[Option<bool>],
    confidence: f64,
) -> Result<Survival> {
    if durations.len() != events.len() {
        let problem = format!("must have {} entries as durations has", durations.len());
        return Err(Invalid::new("events", problem));
    }
    if let Some(i) = durations.iter().position(|d| d.is_some_and(|d| !is_amount(d))) {
        return Err(Invalid::new(format!("durations[{i}]"), "must not be negative"));
    }
    let pairs = durations.iter().zip(events);
    let mut customers: Vec<(f64, bool)> = pairs.filter_map(|(d, event)| d.zip(*event)).collect();
    customers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let table = steps(&customers, normal_critical(confidence));
    let median = table.iter().find(|step| step.survival <= 0.5 + SLACK).map(|step| step.time);
    let n = customers.len();
    let reason = match (n, median) {
        (0, _) => Some(Reason::NoData),
        (_, None) => Some(Reason::NTooSmall),
        _ => None,
    };
    Ok(Survival { n, table, median, reason })
}

/// The steps of sorted customers.
fn steps(customers: &[(f64, bool)], z: f64) -> Vec<Step> {
    let (mut survival, mut greenwood) = (1.0, 0.0);
    let mut gone = 0;
    let mut table = Vec::new();
    for tied in customers.chunk_by(|a, b| a.0 == b.0) {
        let at_risk = customers.len() - gone;
        gone += tied.len();
        let events = tied.iter().filter(|(_, event)| *event).count();
        if events == 0 {
            continue;
        }
        let (n, d) = (at_risk as f64, events as f64);
        survival *= (n - d) / n;
        greenwood += d / (n * (n - d));
        let limit = |sign: f64| {
            let power = (sign * z * f64::sqrt(greenwood) / f64::ln(survival).abs()).exp();
            (survival > 0.0).then(|| survival.powf(power).clamp(0.0, 1.0))
        };
        let low = limit(1.0);
        table.push(Step {
            time: tied[0].0,
            at_risk: at_risk as u64,
            events: events as u64,
            survival,
            low,
            high: limit(-1.0),
            reason: low.is_none().then_some(Reason::ZeroVariance),
        });
    }
    table
}
