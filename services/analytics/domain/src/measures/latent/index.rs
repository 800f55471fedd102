//! Index of 0 to 100 from given weights.

use serde::Serialize;

use super::path_model::Scale;
use crate::measures::covariance::check_work;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::Moments;

const ITEMS_MAX: usize = 300;

/// An item of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Answers, one per respondent.
    pub values: Vec<Option<f64>>,
    /// Unstandardised weight; only the ratios of weights matter.
    pub weight: f64,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Index {
    /// Respondents with all answers.
    pub n: usize,
    /// Mean of each item.
    pub means: Option<Vec<f64>>,
    /// Index, 0 to 100.
    pub index: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Index of several items from given weights; respondents with a missing answer are left out.
/// The ACSI has three items on a scale of 1 to 10.
///
/// Formula: 100·Σ w_j(x̄_j - min)/(Σ w_j·(max - min)).
///
/// Source: Fornell et al. (1996).
///
/// Edge cases: no complete row: `no_data`; weights that sum to 0: `zero_denominator`; no item:
/// `too_few_items`.
///
/// Errors: a negative weight; items of different length; a scale without length; an answer
/// outside the scale; more than 300 items; rows × items² above 1e11.
pub fn index(items: &[Item], scale: Scale) -> Result<Index> {
    let columns = items.iter().enumerate();
    let columns = columns.map(|(j, item)| (format!("items[{j}].values"), item.values.as_slice()));
    scale.check("scale_max", columns)?;
    if items.len() > ITEMS_MAX {
        return Err(Invalid::new("items", "must have at most 300 entries"));
    }
    let rows = items.first().map_or(0, |item| item.values.len());
    check_work("items", rows, items.len(), 1)?;
    for (j, item) in items.iter().enumerate() {
        if item.values.len() != rows {
            let problem = format!("must have {rows} entries as the first item has");
            return Err(Invalid::new(format!("items[{j}].values"), problem));
        }
        if item.weight < 0.0 {
            return Err(Invalid::new(format!("items[{j}].weight"), "must not be negative"));
        }
    }
    let complete: Vec<usize> =
        (0..rows).filter(|&i| items.iter().all(|item| item.values[i].is_some())).collect();
    let mean = |item: &Item| {
        Moments::of(&complete.iter().filter_map(|&i| item.values[i]).collect::<Vec<f64>>()).mean
    };
    let n = complete.len();
    let means: Option<Vec<f64>> = (n > 0).then(|| items.iter().map(mean).collect());
    let sum: f64 = items.iter().map(|item| item.weight).sum();
    let share = |(mean, item): (&f64, &Item)| item.weight / sum * (mean - scale.min);
    let level = means.as_ref().filter(|_| sum > 0.0);
    let level = level.map(|means| means.iter().zip(items).map(share).sum::<f64>());
    Ok(Index {
        n,
        index: level.map(|level| 100.0 * level / (scale.max - scale.min)),
        reason: match (items.len(), &means, level) {
            (0, ..) => Some(Reason::TooFewItems),
            (_, None, _) => Some(Reason::NoData),
            (_, _, None) => Some(Reason::ZeroDenominator),
            _ => None,
        },
        means,
    })
}
