//! Who stays and who buys again.

use serde::Serialize;

use crate::intervals::wilson;
use crate::measures::bounds::{is_amount, is_share};
use crate::measures::reason::{Invalid, Reason, Result};

/// Retention to expect of grades 1 to 5 (low, high): 0-5 %, 15-20 %, 60-65 %, 80-85 %, 92-97 %.
pub const TABLE: [(f64, f64); 5] =
    [(0.0, 0.05), (0.15, 0.20), (0.60, 0.65), (0.80, 0.85), (0.92, 0.97)];

/// Retention of one period, as shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retention {
    /// Customers of the start who are still there.
    pub retained: u64,
    /// Their share.
    pub retention: Option<f64>,
    /// The share of those who left.
    pub churn: Option<f64>,
    /// Lower end of Wilson's interval of the retention.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Periods that a customer stays when churn goes on like this.
    pub expected_lifetime: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Retention and churn from the customers at the start, at the end, and the new ones among these.
///
/// Formula: retained = end - new, retention = retained/start with Wilson's interval, churn =
/// 1 - retention, expected lifetime = 1/churn.
///
/// Source: Wilson (1927) for the interval.
///
/// Edge cases: nobody at the start: `no_data`; nobody left: lifetime `None`, `zero_denominator`.
///
/// Errors: more new ones than there are at the end, more retained than there were.
pub fn rates(start: u64, end: u64, new: u64, confidence: f64) -> Result<Retention> {
    let Some(retained) = end.checked_sub(new) else {
        return Err(Invalid::new("new", "must not be larger than end"));
    };
    if retained > start {
        return Err(Invalid::new("end", "must not be larger than start plus new"));
    }
    let share = |count: u64| (start > 0).then(|| count as f64 / start as f64);
    let interval = wilson(retained, start, confidence);
    let lost = start - retained;
    Ok(Retention {
        retained,
        retention: share(retained),
        churn: share(lost),
        low: interval.map(|i| i.low),
        high: interval.map(|i| i.high),
        expected_lifetime: (lost > 0).then(|| start as f64 / lost as f64),
        reason: match (start, lost) {
            (0, _) => Some(Reason::NoData),
            (_, 0) => Some(Reason::ZeroDenominator),
            _ => None,
        },
    })
}

/// Retention to expect, as shares: a planning figure until the retention of each grade has been
/// observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExpectedRetention {
    /// Graded customers.
    pub n: u64,
    /// Share to expect.
    pub expected: Option<f64>,
    /// Share at the lower bounds.
    pub low: Option<f64>,
    /// Share at the upper bounds.
    pub high: Option<f64>,
    /// Customers who will leave.
    pub expected_lost: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Retention to expect from how many gave each grade, grade 1 first; `table` has the bounds of
/// the retention of each grade, [`TABLE`] unless a survey knows better.
///
/// Formula: expected = Σ share·(low + high)/2, bounds Σ share·bound, lost n·(1 - expected).
///
/// Source: the retention table of the satisfaction guideline this suite follows.
///
/// Edge cases: nobody: `no_data`.
///
/// Errors: a table of another length than the counts, a share outside \[0, 1\], low above high.
pub fn by_satisfaction(counts: &[u64], table: &[(f64, f64)]) -> Result<ExpectedRetention> {
    if table.len() != counts.len() {
        let problem = format!("must have {} rows, one per grade", counts.len());
        return Err(Invalid::new("table", problem));
    }
    let is_wrong = |(low, high): &(f64, f64)| !is_share(*low) || !is_share(*high) || low > high;
    if let Some(i) = table.iter().position(is_wrong) {
        return Err(Invalid::new(format!("table[{i}]"), "must be 0 ≤ low ≤ high ≤ 1"));
    }
    let n = counts.iter().fold(0, |sum: u64, &count| sum.saturating_add(count));
    let mean = |bound: fn(&(f64, f64)) -> f64| {
        let each = counts.iter().zip(table);
        let sum: f64 = each.map(|(&count, bounds)| count as f64 * bound(bounds)).sum();
        (n > 0).then(|| (sum / n as f64).clamp(0.0, 1.0))
    };
    let expected = mean(|(low, high)| (low + high) / 2.0);
    Ok(ExpectedRetention {
        n,
        expected,
        low: mean(|bounds| bounds.0),
        high: mean(|bounds| bounds.1),
        expected_lost: expected.map(|expected| n as f64 * (1.0 - expected)),
        reason: expected.is_none().then_some(Reason::NoData),
    })
}

/// Who bought again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repurchase {
    /// Customers with a purchase.
    pub n: u64,
    /// Share of them with two or more.
    pub repurchase_rate: Option<f64>,
    /// Lower end of Wilson's interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Purchases per customer.
    pub mean_purchases: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Repurchase rate from the number of purchases of each customer.
///
/// Formula: customers with ≥ 2 ÷ customers with ≥ 1, Wilson's interval.
///
/// Source: Wilson (1927) for the interval.
///
/// Edge cases: no customer with a purchase: `no_data`; missing numbers are left out.
///
/// Errors: a number of purchases that is negative or no whole number.
pub fn repurchase(purchases: &[Option<f64>], confidence: f64) -> Result<Repurchase> {
    let is_wrong = |v: &Option<f64>| v.is_some_and(|v| !is_amount(v) || v.fract() != 0.0);
    if let Some(i) = purchases.iter().position(is_wrong) {
        return Err(Invalid::new(format!("purchases[{i}]"), "must be a whole number from 0"));
    }
    let bought: Vec<f64> = purchases.iter().flatten().copied().filter(|v| *v >= 1.0).collect();
    let n = bought.len() as u64;
    let again = bought.iter().filter(|v| **v >= 2.0).count() as u64;
    let interval = wilson(again, n, confidence);
    let mean = |sum: f64| (n > 0).then(|| sum / n as f64);
    Ok(Repurchase {
        n,
        repurchase_rate: mean(again as f64),
        low: interval.map(|i| i.low),
        high: interval.map(|i| i.high),
        mean_purchases: mean(bought.iter().sum()),
        reason: (n == 0).then_some(Reason::NoData),
    })
}
