//! Weights that are alike within a cell: strata of known size, classes of the invited.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::measures::bounds::is_amount;
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::row_weights;

/// What weights cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// Design effect n·Σw²/(Σw)²: how much the weights inflate a variance.
    pub deff: Option<f64>,
    /// Effective number of respondents n/deff.
    pub n_eff: Option<f64>,
}

impl Cost {
    /// Of weights with mean 1 over `n` respondents; of nobody nothing.
    pub(super) fn of(weights: &[f64], n: f64) -> Cost {
        let (sum, squares) =
            (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        let deff = Some(n * squares / (sum * sum)).filter(|deff| deff.is_finite());
        Cost { deff, n_eff: deff.map(|deff| n / deff) }
    }

    /// When there are no weights.
    pub(super) fn none() -> Cost {
        Cost { deff: None, n_eff: None }
    }
}

/// Base weights relative to the largest, 0 for those left out, and how many count.
pub(super) fn base(weights: Option<&[Option<f64>]>, rows: usize) -> Result<(Vec<f64>, f64)> {
    let base = row_weights(weights, rows)
        .map_err(|error| Invalid::new(format!("base_{}", error.field), error.problem))?;
    let n = base.iter().filter(|weight| **weight > 0.0).count();
    Ok((base, n as f64))
}

/// Targets as shares that sum to 1, with the place of each category.
///
/// Errors: a negative target, a category given twice, a sum of 0.
pub(super) fn shares<'a>(
    path: &str,
    targets: &[(&'a str, f64)],
) -> Result<(HashMap<&'a str, usize>, Vec<f64>)> {
    let mut places = HashMap::new();
    for (place, (category, target)) in targets.iter().enumerate() {
        let at = |problem| {
            let category: String = category.chars().take(64).collect();
            Err(Invalid::new(format!("{path}.{category}"), problem))
        };
        if !is_amount(*target) {
            return at("must not be negative");
        }
        if places.insert(*category, place).is_some() {
            return at("must not be given twice");
        }
    }
    let top = targets.iter().fold(0.0, |top: f64, (_, target)| top.max(*target));
    if top == 0.0 {
        return Err(Invalid::new(path, "must not sum to 0"));
    }
    let sum: f64 = targets.iter().map(|(_, target)| target / top).sum();
    Ok((places, targets.iter().map(|(_, target)| target / top / sum).collect()))
}

/// The place of the category of each respondent.
///
/// Errors: a category without a target.
pub(super) fn places(
    path: &str,
    categories: &[&str],
    known: &HashMap<&str, usize>,
) -> Result<Vec<usize>> {
    let each = categories.iter().enumerate();
    each.map(|(i, category)| {
        let problem = || Invalid::new(format!("{path}[{i}]"), "must be a category with a target");
        known.get(category).copied().ok_or_else(problem)
    })
    .collect()
}

/// Weights from strata.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PostStratified {
    /// A weight per respondent, on average 1; 0 for those who do not count.
    pub weights: Option<Vec<f64>>,
    /// What the weights cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Weights by which each stratum counts as much as its `targets` say (sizes or shares).
///
/// Formula: w = base·(N_c/ΣN)·n/Σ_c base; deff = n·Σw²/(Σw)².
///
/// Source: Holt & Smith (1979); Kish (1965) for the design effect.
///
/// Edge cases: a target of 0 gives weight 0; a positive target without respondents: `None`,
/// `empty_cell`; respondents with base weight 0 or none are left out and get weight 0.
///
/// Errors: a stratum without target, a negative target, targets that sum to 0, base weights that
/// are negative or of another number than the respondents.
pub fn poststratify(
    strata: &[&str],
    targets: &[(&str, f64)],
    base_weights: Option<&[Option<f64>]>,
) -> Result<PostStratified> {
    let (known, shares) = shares("targets", targets)?;
    let places = places("stratum", strata, &known)?;
    let (base, n) = base(base_weights, strata.len())?;
    let mut sums = vec![0.0; shares.len()];
    places.iter().zip(&base).for_each(|(&place, weight)| sums[place] += weight);
    if shares.iter().zip(&sums).any(|(share, sum)| *share > 0.0 && *sum == 0.0) {
        let reason = Some(Reason::EmptyCell);
        return Ok(PostStratified { weights: None, cost: Cost::none(), reason });
    }
    let rows = places.iter().zip(&base);
    let weight = |place: usize, base: f64| {
        // Only a stratum that nobody counts in has sum 0.
        if base > 0.0 { base / sums[place] * shares[place] * n } else { 0.0 }
    };
    let weights: Vec<f64> = rows.map(|(&place, &base)| weight(place, base)).collect();
    let cost = Cost::of(&weights, n);
    Ok(PostStratified { weights: Some(weights), cost, reason: None })
}

/// Weights from classes of the invited.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NonResponse {
    /// For how many of its class each respondent stands.
    pub factors: Option<Named<f64>>,
    /// A weight per person invited; 0 for those who did not answer.
    pub weights: Option<Vec<f64>>,
    /// Why they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Weights by which those who answered stand for all who were invited of their class.
///
/// Formula: factor of a class = Σ base of the invited/Σ base of those who answered; weight =
/// base·factor.
///
/// Source: weighting-class adjustment, Oh & Scheuren (1983).
///
/// Edge cases: a class in which nobody answered: `None`, `empty_cell` (merge classes); nobody
/// invited: `no_data`; those with base weight 0 or none are left out and get weight 0.
///
/// Errors: lists of different lengths, no word on whether someone answered, a negative base
/// weight.
pub fn nonresponse(
    classes: &[&str],
    responded: &[Option<bool>],
    base_weights: Option<&[Option<f64>]>,
) -> Result<NonResponse> {
    let rows = classes.len();
    if responded.len() != rows {
        return Err(Invalid::new("responded", format!("must have {rows} entries as class has")));
    }
    if let Some(i) = responded.iter().position(Option::is_none) {
        return Err(Invalid::new(format!("responded[{i}]"), "must be true or false"));
    }
    // Relative base weights would do for the factors, but the weights are in their own unit.
    let (relative, n) = base(base_weights, rows)?;
    let given = |i: usize| base_weights.map_or(Some(1.0), |weights| weights[i]).unwrap_or(0.0);
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for i in (0..rows).filter(|&i| relative[i] > 0.0) {
        let (invited, answered) = sums.entry(classes[i]).or_default();
        *invited += relative[i];
        *answered += if responded[i] == Some(true) { relative[i] } else { 0.0 };
    }
    let empty = sums.values().any(|(_, answered)| *answered == 0.0);
    if n == 0.0 || empty {
        let reason = Some(if empty { Reason::EmptyCell } else { Reason::NoData });
        return Ok(NonResponse { factors: None, weights: None, reason });
    }
    let factor =
        |class: &str| sums.get(class).map_or(0.0, |(invited, answered)| invited / answered);
    let weight = |i: usize| match responded[i] {
        Some(true) if relative[i] > 0.0 => given(i) * factor(classes[i]),
        _ => 0.0,
    };
    let factors = sums.keys().map(|class| ((*class).to_owned(), factor(class))).collect();
    let weights = Some((0..rows).map(weight).collect());
    Ok(NonResponse { factors: Some(Named(factors)), weights, reason: None })
}
