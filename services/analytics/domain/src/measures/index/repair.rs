//! Which judgements of an inconsistent comparison should be asked again.

use serde::Serialize;

use super::ahp::consistency;

/// Judgements that are tried.
const TRIED: usize = 10;
/// Judgements that are proposed.
const PROPOSED: usize = 3;

/// A judgement that does not fit the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repair {
    /// Position of the first criterion, from 0.
    pub i: usize,
    /// Position of the second criterion, larger than `i`.
    pub j: usize,
    /// The judgement as given: how many times as important i is as j.
    pub given: f64,
    /// What the other judgements imply.
    pub implied: f64,
    /// The step of Saaty's scale (1/9, …, 1/2, 1, 2, …, 9) next to that.
    pub suggested: f64,
    /// Consistency ratio of the whole with that step in place of the judgement.
    pub cr: f64,
}

/// Up to three judgements whose correction alone lowers the consistency ratio `now`, the most
/// helpful first.
///
/// Formula: what the other judgements imply for (i, j) is the geometric mean of a_ik·a_kj over
/// the criteria k; the ten judgements furthest from it are tried one by one.
///
/// Source: the indirect judgements of Saaty (1980), as in Ishizaka & Lusti (2004).
pub(super) fn repairs(matrix: &[Vec<f64>], now: f64) -> Vec<Repair> {
    let mut doubtful = doubtful(matrix);
    doubtful.sort_by(|a, b| deviation(b).total_cmp(&deviation(a)));
    let mut changed = matrix.to_vec();
    let mut found: Vec<Repair> = Vec::new();
    for mut repair in doubtful.into_iter().take(TRIED) {
        let (i, j) = (repair.i, repair.j);
        (changed[i][j], changed[j][i]) = (repair.suggested, 1.0 / repair.suggested);
        if let Some(cr) = consistency(&changed).filter(|cr| *cr < now) {
            repair.cr = cr;
            found.push(repair);
        }
        (changed[i][j], changed[j][i]) = (matrix[i][j], matrix[j][i]);
    }
    found.sort_by(|a, b| a.cr.total_cmp(&b.cr));
    found.truncate(PROPOSED);
    found
}

/// How far a judgement is from what the others imply, as a logarithm.
fn deviation(repair: &Repair) -> f64 {
    (repair.given.ln() - repair.implied.ln()).abs()
}

/// Every pair of criteria, three at least, with what the others imply.
fn doubtful(matrix: &[Vec<f64>]) -> Vec<Repair> {
    let n = matrix.len();
    let pairs = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j)));
    pairs
        .map(|(i, j)| {
            let others = (0..n).filter(|&k| k != i && k != j);
            let logs = others.map(|k| matrix[i][k].ln() + matrix[k][j].ln());
            let implied = (logs.sum::<f64>() / (n as f64 - 2.0)).exp();
            let suggested = scale_step(implied);
            Repair { i, j, given: matrix[i][j], implied, suggested, cr: 0.0 }
        })
        .collect()
}

/// The step of Saaty's scale next to a ratio.
fn scale_step(ratio: f64) -> f64 {
    if ratio < 1.0 { 1.0 / scale_step(1.0 / ratio) } else { ratio.round().clamp(1.0, 9.0) }
}
