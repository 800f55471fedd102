//! Correction of p-values for their number.

use serde::Serialize;

use crate::measures::reason::{Invalid, Result};

/// How p-values are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correction {
    /// Holm's step-down: the chance of any false alarm stays at alpha.
    Holm,
    /// Benjamini-Hochberg: the share of false alarms among all alarms stays at alpha.
    BenjaminiHochberg,
    /// Bonferroni: as Holm, and weaker.
    Bonferroni,
    /// None.
    None,
}

/// Corrected p-values and what they reject, in the order given; `None` for those not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adjusted {
    /// Corrected p-values, in \[0, 1\].
    pub adjusted: Vec<Option<f64>>,
    /// True where the corrected value is at most alpha.
    pub reject: Vec<Option<bool>>,
}

/// Corrects p-values, with m the number of those given.
///
/// Formula, with p sorted: Holm running maximum of (m-i+1)·p(i), Benjamini-Hochberg running
/// minimum from the top of m·p(i)/i, Bonferroni m·p; all at most 1. Rejected: corrected ≤ alpha.
///
/// Source: Holm (1979); Benjamini & Hochberg (1995).
///
/// Errors: a p-value or alpha outside \[0, 1\].
pub fn multiple(p_values: &[Option<f64>], how: Correction, alpha: f64) -> Result<Adjusted> {
    let outside = |p: &f64| !(0.0..=1.0).contains(p);
    if let Some(i) = p_values.iter().position(|p| p.as_ref().is_some_and(outside)) {
        return Err(Invalid::new(format!("p_values[{i}]"), "must lie between 0 and 1"));
    }
    if outside(&alpha) {
        return Err(Invalid::new("alpha", "must lie between 0 and 1"));
    }
    let adjusted = adjust(p_values, how);
    let reject = adjusted.iter().map(|p| p.map(|p| p <= alpha)).collect();
    Ok(Adjusted { adjusted, reject })
}

/// The corrected p-values of [`multiple`]; the given ones must lie in \[0, 1\].
pub fn adjust(p_values: &[Option<f64>], how: Correction) -> Vec<Option<f64>> {
    let indexed = p_values.iter().enumerate();
    let mut given: Vec<(usize, f64)> = indexed.filter_map(|(i, p)| Some((i, (*p)?))).collect();
    given.sort_by(|a, b| a.1.total_cmp(&b.1));
    let m = given.len() as f64;
    match how {
        Correction::None => {}
        Correction::Bonferroni => given.iter_mut().for_each(|(_, p)| *p *= m),
        Correction::Holm => {
            let mut highest: f64 = 0.0;
            for (place, (_, p)) in given.iter_mut().enumerate() {
                highest = highest.max((m - place as f64) * *p);
                *p = highest;
            }
        }
        Correction::BenjaminiHochberg => {
            let mut lowest: f64 = 1.0;
            for (place, (_, p)) in given.iter_mut().enumerate().rev() {
                lowest = lowest.min(m * *p / (place as f64 + 1.0));
                *p = lowest;
            }
        }
    }
    let mut adjusted = vec![None; p_values.len()];
    for (i, p) in given {
        adjusted[i] = Some(p.min(1.0));
    }
    adjusted
}
