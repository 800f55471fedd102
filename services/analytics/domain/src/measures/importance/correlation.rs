//! Correlation of single drivers with an outcome.

use serde::Serialize;

use super::drivers::Drivers;
use crate::measures::covariance::Covariances;
use crate::measures::distributions::{normal_critical, student_two_sided};
use crate::measures::named::Named;
use crate::measures::reason::{Reason, Result};
use crate::measures::sample::ranks;

/// Correlation of each driver with the outcome. All by name of the driver.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Correlation {
    /// Respondents with all values.
    pub n: usize,
    /// Pearson's r.
    pub pearson: Named<Option<f64>>,
    /// Two-sided p-value of r.
    pub p: Named<Option<f64>>,
    /// Lower end of the interval of r.
    pub ci_low: Named<Option<f64>>,
    /// Upper end.
    pub ci_high: Named<Option<f64>>,
    /// Spearman's ρ.
    pub spearman: Named<Option<f64>>,
    /// Why something is missing for a driver; the last reason when there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Correlation of each driver with an outcome; respondents with a missing value in the outcome
/// or in any driver are left out.
///
/// Formula: Pearson's r; p from t = r√((n-2)/(1-r²)) with n - 2 degrees of freedom; interval
/// tanh(atanh r ± z/√(n-3)); Spearman's ρ = r of the mid-ranks.
///
/// Source: Fisher (1921); Spearman (1904).
///
/// Edge cases: no respondent: `no_data`; one: `n_too_small`; a constant outcome or driver: its
/// entries are missing with `zero_variance`; n < 4: p and interval missing with `n_too_small`;
/// |r| = 1: p and interval missing with `zero_denominator`.
///
/// Errors: as [`Drivers::new`].
pub fn correlation(
    y: &[Option<f64>],
    x: &[(String, Vec<Option<f64>>)],
    confidence: f64,
) -> Result<Correlation> {
    let drivers = Drivers::new(y.to_vec(), x.to_vec())?;
    let n = drivers.n();
    let rows: Vec<Vec<f64>> = drivers.complete().collect();
    let of = |c: &Covariances| {
        let varies = n > 1 && !c.has_constant();
        varies.then(|| c.correlation(0, 1))
    };
    let ranked = |j: usize| ranks(&rows.iter().map(|row| row[j]).collect::<Vec<_>>()).0;
    let outcome = ranked(0);
    let mut found = Correlation {
        n,
        pearson: Named(Vec::new()),
        p: Named(Vec::new()),
        ci_low: Named(Vec::new()),
        ci_high: Named(Vec::new()),
        spearman: Named(Vec::new()),
        reason: None,
    };
    for (j, name) in drivers.names.iter().enumerate() {
        let c = &drivers.covariances;
        let varies = n > 1 && c.variance(0) > 0.0 && c.variance(j + 1) > 0.0;
        let r = varies.then(|| c.correlation(j + 1, 0));
        let (p, ends) = r.map_or((None, None), |r| test(r, n, confidence));
        let pairs = ranked(j + 1);
        let pairs = outcome.iter().zip(&pairs).map(|(a, b)| vec![Some(*a), Some(*b)]);
        let spearman = of(&Covariances::of_rows(&pairs.collect::<Vec<_>>(), 2));
        found.reason = match (n, r, p) {
            (0, ..) => Some(Reason::NoData),
            (1, ..) => Some(Reason::NTooSmall),
            (_, None, _) => Some(Reason::ZeroVariance),
            (2 | 3, _, None) => Some(Reason::NTooSmall),
            (_, _, None) => Some(Reason::ZeroDenominator),
            _ => found.reason,
        };
        found.pearson.0.push((name.clone(), r));
        found.p.0.push((name.clone(), p));
        found.ci_low.0.push((name.clone(), ends.map(|(low, _)| low)));
        found.ci_high.0.push((name.clone(), ends.map(|(_, high)| high)));
        found.spearman.0.push((name.clone(), spearman));
    }
    Ok(found)
}

/// p-value and interval of a correlation.
fn test(r: f64, n: usize, confidence: f64) -> (Option<f64>, Option<(f64, f64)>) {
    if n < 4 || r.abs() == 1.0 {
        return (None, None);
    }
    let n = n as f64;
    let t = r * ((n - 2.0) / ((1.0 - r) * (1.0 + r))).sqrt();
    let margin = normal_critical(confidence) / (n - 3.0).sqrt();
    let ends = ((r.atanh() - margin).tanh(), (r.atanh() + margin).tanh());
    (Some(student_two_sided(t, n - 2.0)), Some(ends))
}
