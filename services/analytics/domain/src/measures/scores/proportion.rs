//! Intervals of a share.

use serde::Serialize;

use crate::intervals::{Interval, wilson};
use crate::measures::distributions::{beta_quantile, normal_critical};
use crate::measures::reason::{Invalid, Reason, Result};

/// How the interval of a share is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Wilson's score interval: the default, and what figures show.
    Wilson,
    /// Exact interval from beta quantiles; never too narrow.
    ClopperPearson,
    /// Wald's interval on z²/2 more successes and z² more answers.
    AgrestiCoull,
    /// p ± z·√(p(1-p)/n); too narrow near 0 and 1.
    Wald,
}

/// A share with its interval, in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proportion {
    /// Successes ÷ answers.
    pub p: Option<f64>,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Interval of the share `successes` ÷ `n`.
///
/// Formula, with z the normal quantile: Wilson (p + z²/2n ± z√(p(1-p)/n + z²/4n²))/(1 + z²/n);
/// Clopper-Pearson B(α/2; x, n-x+1) to B(1-α/2; x+1, n-x); Agresti-Coull Wald on x + z²/2 of
/// n + z²; limits clipped to \[0, 1\].
///
/// Source: Wilson (1927); Clopper & Pearson (1934); Agresti & Coull (1998).
///
/// Edge cases: n = 0: `no_data`; Wilson and Clopper-Pearson are exactly 0 (1) at their end when
/// there are no (only) successes.
///
/// Errors: more successes than answers.
pub fn proportion_interval(
    successes: u64,
    n: u64,
    method: Method,
    confidence: f64,
) -> Result<Proportion> {
    if successes > n {
        return Err(Invalid::new("successes", "must not be larger than n"));
    }
    if n == 0 {
        let reason = Some(Reason::NoData);
        return Ok(Proportion { p: None, low: None, high: None, reason });
    }
    let (x, total) = (successes as f64, n as f64);
    let interval = match method {
        Method::Wilson => wilson(successes, n, confidence),
        Method::ClopperPearson => Some(clopper_pearson(x, total, confidence)),
        Method::AgrestiCoull => {
            let z = normal_critical(confidence);
            let adjusted = total + z * z;
            Some(wald((x + z * z / 2.0) / adjusted, adjusted, z))
        }
        Method::Wald => Some(wald(x / total, total, normal_critical(confidence))),
    };
    Ok(Proportion {
        p: Some(x / total),
        low: interval.map(|i| i.low),
        high: interval.map(|i| i.high),
        reason: None,
    })
}

fn wald(p: f64, n: f64, z: f64) -> Interval {
    Interval::around(p, z * (p * (1.0 - p) / n).sqrt()).clipped(0.0, 1.0)
}

fn clopper_pearson(x: f64, n: f64, confidence: f64) -> Interval {
    let tail = (1.0 - confidence) / 2.0;
    Interval {
        low: if x == 0.0 { 0.0 } else { beta_quantile(tail, x, n - x + 1.0) },
        // The upper end by the mirrored lower one, whose small tail keeps its digits.
        high: if x == n { 1.0 } else { 1.0 - beta_quantile(tail, n - x, x + 1.0) },
    }
}
