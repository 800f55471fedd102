//! Weights by simpler ways: priorities, the spread of the data, and the two combined.

use serde::Serialize;

use crate::measures::bounds::{is_amount, is_share};
use crate::measures::reason::{Invalid, Reason, Result};

/// Weights from a matrix of priorities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priorities {
    /// ½ plus the points of each row.
    pub scores: Vec<f64>,
    /// Weights, which sum to 1.
    pub weights: Vec<f64>,
}

/// Weights from who is more important than whom (重要度矩阵比较法): entry (i, j) is 1 when i is
/// more important than j, 0 when less, 0.5 when both are alike.
///
/// Formula: score = ½ + Σ a_ij over the others, so that no weight is 0; weight = score/Σ scores.
///
/// Source: forced decision method with the diagonal counting one half.
///
/// Errors: no row, not square, another entry, a_ij + a_ji ≠ 1.
pub fn priorities(matrix: &[Vec<f64>]) -> Result<Priorities> {
    let n = matrix.len();
    if n == 0 {
        return Err(Invalid::new("matrix", "must compare one criterion at least"));
    }
    for (i, row) in matrix.iter().enumerate() {
        if row.len() != n {
            let problem = format!("must have {n} entries: the matrix must be square");
            return Err(Invalid::new(format!("matrix[{i}]"), problem));
        }
        if let Some(j) = row.iter().position(|v| ![0.0, 0.5, 1.0].contains(v)) {
            return Err(Invalid::new(format!("matrix[{i}][{j}]"), "must be 0, 0.5 or 1"));
        }
    }
    for (i, row) in matrix.iter().enumerate() {
        if let Some(j) = (0..=i).find(|&j| row[j] + matrix[j][i] != 1.0) {
            let problem = "must be 1 minus its mirror image";
            return Err(Invalid::new(format!("matrix[{i}][{j}]"), problem));
        }
    }
    // The diagonal is ½ already.
    let scores: Vec<f64> = matrix.iter().map(|row| row.iter().sum()).collect();
    let sum: f64 = scores.iter().sum();
    let weights = scores.iter().map(|score| score / sum).collect();
    Ok(Priorities { scores, weights })
}

/// Weights from the spread of the data.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntropyWeights {
    /// Entropy of each indicator relative to its maximum, in \[0, 1\].
    pub entropy: Vec<f64>,
    /// Weights, which sum to 1.
    pub weights: Vec<f64>,
}

/// Entropy weights: an indicator counts the more, the more the objects differ in it. A row per
/// object, a column per indicator.
///
/// Formula: p_ij = x_ij/Σ_i x_ij, e_j = -Σ p·ln p/ln m with 0·ln 0 = 0, weight =
/// (1 - e_j)/Σ(1 - e). No scaling to the range beforehand.
///
/// Source: Shannon (1948); Zeleny (1982).
///
/// Edge cases: no indicator tells the objects apart: equal weights.
///
/// Errors: fewer than two objects, no indicator, rows of different lengths, a negative value, an
/// indicator that is 0 throughout.
pub fn entropy_weights(matrix: &[Vec<f64>]) -> Result<EntropyWeights> {
    let k = matrix.first().map_or(0, Vec::len);
    if matrix.len() < 2 || k == 0 {
        return Err(Invalid::new("matrix", "must have two rows and one column at least"));
    }
    for (i, row) in matrix.iter().enumerate() {
        if row.len() != k {
            let problem = format!("must have {k} entries as the first row has");
            return Err(Invalid::new(format!("matrix[{i}]"), problem));
        }
        if let Some(j) = row.iter().position(|v| !is_amount(*v)) {
            return Err(Invalid::new(format!("matrix[{i}][{j}]"), "must not be negative"));
        }
    }
    let divergence = (0..k).map(|j| divergence(matrix, j)).collect::<Result<Vec<f64>>>()?;
    let sum: f64 = divergence.iter().sum();
    let weight = |d: &f64| if sum > 0.0 { d / sum } else { 1.0 / k as f64 };
    Ok(EntropyWeights {
        entropy: divergence.iter().map(|d| 1.0 - d).collect(),
        weights: divergence.iter().map(weight).collect(),
    })
}

/// 1 - e of a column. With p = (1 + δ)/m and Σδ = 0 it is Σ[(1 + δ)·ln(1 + δ) - δ]/(m·ln m):
/// every term is positive, so that indicators that hardly differ keep their digits.
fn divergence(matrix: &[Vec<f64>], j: usize) -> Result<f64> {
    let m = matrix.len() as f64;
    let top = matrix.iter().fold(0.0, |top: f64, row| top.max(row[j]));
    if top == 0.0 {
        let problem = format!("must not be 0 throughout column {j}");
        return Err(Invalid::new(format!("matrix[0][{j}]"), problem));
    }
    let first = matrix[0][j] / top;
    let shift = matrix.iter().map(|row| row[j] / top - first).sum::<f64>() / m;
    let mean = first + shift;
    let terms = matrix.iter().map(|row| {
        let delta = (row[j] / top - first - shift) / mean;
        if delta <= -1.0 { 1.0 } else { ((1.0 + delta) * delta.ln_1p() - delta).max(0.0) }
    });
    Ok((terms.sum::<f64>() / (m * m.ln())).min(1.0))
}

/// How judged and measured weights are put together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Synthesis {
    /// Products, scaled to sum 1.
    Multiplicative,
    /// α times the judged plus 1 - α times the measured; both are scaled to sum 1 first.
    Linear {
        /// Share of the judged weights, in \[0, 1\].
        alpha: f64,
    },
}

/// Weights put together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Combined {
    /// Weights, which sum to 1.
    pub weights: Option<Vec<f64>>,
    /// Why they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Judged (subjective) and measured (objective) weights put together.
///
/// Formula: multiplicative a·b/Σ a·b; linear α·a/Σa + (1 - α)·b/Σb.
///
/// Source: multiplicative and additive synthesis of weights.
///
/// Edge cases: a sum is 0: `None`, `zero_denominator`.
///
/// Errors: lists of different lengths, a negative weight, α outside \[0, 1\].
pub fn combine(subjective: &[f64], objective: &[f64], how: Synthesis) -> Result<Combined> {
    if subjective.len() != objective.len() {
        let problem = format!("must have {} entries as subjective has", subjective.len());
        return Err(Invalid::new("objective", problem));
    }
    for (name, weights) in [("subjective", subjective), ("objective", objective)] {
        if let Some(i) = weights.iter().position(|weight| !is_amount(*weight)) {
            return Err(Invalid::new(format!("{name}[{i}]"), "must not be negative"));
        }
    }
    let (a, b) = (shares(subjective), shares(objective));
    let both = a.zip(b).map(|(a, b)| a.into_iter().zip(b));
    let weights = match how {
        Synthesis::Multiplicative => {
            both.and_then(|both| shares(&both.map(|(a, b)| a * b).collect::<Vec<_>>()))
        }
        Synthesis::Linear { alpha } if is_share(alpha) => {
            both.map(|both| both.map(|(a, b)| alpha * a + (1.0 - alpha) * b).collect())
        }
        Synthesis::Linear { .. } => {
            return Err(Invalid::new("alpha", "must lie between 0 and 1"));
        }
    };
    let reason = weights.is_none().then_some(Reason::ZeroDenominator);
    Ok(Combined { weights, reason })
}

/// The weights scaled to sum 1; `None` when all are 0.
fn shares(weights: &[f64]) -> Option<Vec<f64>> {
    let top = weights.iter().fold(0.0, |top: f64, weight| top.max(*weight));
    // Relative to the largest, neither the sum nor a product leaves the range of a double.
    let sum: f64 = weights.iter().map(|weight| weight / top).sum();
    (top > 0.0).then(|| weights.iter().map(|weight| weight / top / sum).collect())
}
