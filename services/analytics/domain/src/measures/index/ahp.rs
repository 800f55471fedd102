//! Weights from pairwise comparisons: the analytic hierarchy process (AHP, 层次分析法).

use serde::Serialize;

use super::repair::{Repair, repairs};
use crate::measures::bounds::{is_amount, is_positive};
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};

/// Most criteria that one matrix compares.
const CRITERIA_MAX: usize = 100;
/// How far a_ij·a_ji may be from 1.
const RECIPROCAL_SLACK: f64 = 1e-6;
/// Random index of Saaty (1980) for 1 to 15 criteria.
const RANDOM_INDEX: [f64; 15] =
    [0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59];
/// A consistency ratio from here on asks for better judgements.
const RATIO_MAX: f64 = 0.1;
/// Consistency indices below this are rounding.
const INDEX_MIN: f64 = 1e-12;
const STEPS_MAX: usize = 20_000;
/// A vector of which no entry moves by a larger part of itself has settled.
const STEP_MIN: f64 = 1e-14;

/// A checked matrix of judgements: entry (i, j) says how many times as important i is as j.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgements(pub(super) Vec<Vec<f64>>);

impl Judgements {
    /// Checks a matrix.
    ///
    /// Errors, with the entry as `matrix[1][2]`: no criterion or more than 100, not square, an
    /// entry that is not positive, a_ij·a_ji further than 1e-6 from 1.
    pub fn new(matrix: Vec<Vec<f64>>) -> Result<Judgements> {
        let n = matrix.len();
        if n == 0 || n > CRITERIA_MAX {
            return Err(Invalid::new("matrix", "must compare 1 to 100 criteria"));
        }
        if let Some(i) = matrix.iter().position(|row| row.len() != n) {
            let problem = format!("must have {n} entries: the matrix must be square");
            return Err(Invalid::new(format!("matrix[{i}]"), problem));
        }
        for (i, row) in matrix.iter().enumerate() {
            for (j, mirror) in matrix.iter().take(i + 1).enumerate() {
                let at = |problem| Err(Invalid::new(format!("matrix[{i}][{j}]"), problem));
                if !is_positive(row[j]) || !is_positive(mirror[i]) {
                    return at("and its mirror image must be positive");
                }
                if (row[j] * mirror[i] - 1.0).abs() > RECIPROCAL_SLACK {
                    return at(match i == j {
                        true => "must be 1: a criterion is as important as itself",
                        false => "must be 1 divided by its mirror image",
                    });
                }
            }
        }
        Ok(Judgements(matrix))
    }

    /// Number of criteria.
    pub fn order(&self) -> usize {
        self.0.len()
    }
}

/// Weights with the consistency of the judgements they come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ahp {
    /// Weights, which sum to 1.
    pub weights: Option<Vec<f64>>,
    /// Largest eigenvalue; as many as there are criteria when all judgements agree.
    pub lambda_max: Option<f64>,
    /// Consistency index (λ - n)/(n - 1).
    pub ci: Option<f64>,
    /// Random index: the consistency index of random judgements.
    pub ri: Option<f64>,
    /// Consistency ratio ci/ri.
    pub cr: Option<f64>,
    /// True if the consistency ratio is below 0.1.
    pub consistent: Option<bool>,
    /// Weights by row geometric means, which sum to 1.
    pub weights_geometric: Vec<f64>,
    /// Judgements that should be asked again, the most helpful first; empty when the judgements
    /// are consistent.
    pub repairs: Vec<Repair>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Weights from a matrix of pairwise comparisons.
///
/// Formula: principal right eigenvector scaled to sum 1; ci = (λ - n)/(n - 1), cr = ci/ri;
/// consistent below 0.1. Beside it the normalised geometric means of the rows.
///
/// Source: Saaty (1980), with its table of random indices.
///
/// Edge cases: |ci| < 1e-12 is 0; cr is 0 for one or two criteria; above 15 there is no random
/// index: cr `None`, `no_data`; entries so extreme that the iteration does not settle:
/// `not_converged`.
pub fn ahp(judgements: &Judgements) -> Ahp {
    let n = judgements.order();
    let mut result = Ahp {
        weights: None,
        lambda_max: None,
        ci: None,
        ri: RANDOM_INDEX.get(n - 1).copied(),
        cr: None,
        consistent: None,
        weights_geometric: geometric(&judgements.0),
        repairs: Vec::new(),
        reason: None,
    };
    let Some((weights, lambda)) = principal(&judgements.0) else {
        result.reason = Some(Reason::NotConverged);
        return result;
    };
    result.weights = Some(weights);
    result.lambda_max = Some(lambda);
    result.ci = Some(index(lambda, n));
    result.cr = ratio(lambda, n);
    result.consistent = result.cr.map(|cr| cr < RATIO_MAX);
    result.reason = result.cr.is_none().then_some(Reason::NoData);
    if let Some(cr) = result.cr.filter(|cr| *cr >= RATIO_MAX) {
        result.repairs = repairs(&judgements.0, cr);
    }
    result
}

fn index(lambda: f64, n: usize) -> f64 {
    let ci = if n == 1 { 0.0 } else { (lambda - n as f64) / (n as f64 - 1.0) };
    if ci.abs() < INDEX_MIN { 0.0 } else { ci }
}

/// Consistency ratio; `None` above 15 criteria.
fn ratio(lambda: f64, n: usize) -> Option<f64> {
    let random = RANDOM_INDEX.get(n - 1)?;
    Some(if n <= 2 { 0.0 } else { index(lambda, n) / random })
}

/// Consistency ratio of a matrix; `None` above 15 criteria or when it cannot be computed.
pub(super) fn consistency(matrix: &[Vec<f64>]) -> Option<f64> {
    let (_, lambda) = principal(matrix)?;
    ratio(lambda, matrix.len())
}

/// Mean logarithm of each row.
fn row_logs(matrix: &[Vec<f64>]) -> Vec<f64> {
    let n = matrix.len() as f64;
    matrix.iter().map(|row| row.iter().map(|v| v.ln()).sum::<f64>() / n).collect()
}

/// Values proportional to e^`logs` that sum to 1.
fn normalised(logs: &[f64]) -> Vec<f64> {
    let top = logs.iter().fold(f64::NEG_INFINITY, |top: f64, log| top.max(*log));
    let values: Vec<f64> = logs.iter().map(|log| (log - top).exp()).collect();
    let sum: f64 = values.iter().sum();
    values.iter().map(|value| value / sum).collect()
}

fn geometric(matrix: &[Vec<f64>]) -> Vec<f64> {
    normalised(&row_logs(matrix))
}

/// Principal eigenvector, which sums to 1, and its eigenvalue, by power iteration.
///
/// Iterated is what the judgements are times what the geometric means say they should be: all 1
/// when they agree, so that the vector is close to a constant however far the weights are
/// apart. Adding λ/2 to the diagonal leaves the vector as it is and keeps the iteration from
/// running in circles where the judgements do.
fn principal(matrix: &[Vec<f64>]) -> Option<(Vec<f64>, f64)> {
    let n = matrix.len();
    let logs = row_logs(matrix);
    let balanced: Vec<Vec<f64>> = (0..n)
        .map(|i| (0..n).map(|j| (matrix[i][j].ln() + logs[j] - logs[i]).exp()).collect())
        .collect();
    let mut vector = vec![1.0 / n as f64; n];
    for _ in 0..STEPS_MAX {
        let image: Vec<f64> = balanced
            .iter()
            .map(|row| row.iter().zip(&vector).map(|(a, v)| a * v).sum::<f64>())
            .collect();
        let lambda: f64 = image.iter().sum();
        if !is_positive(lambda) {
            return None;
        }
        let scale = 1.5 * lambda;
        let next: Vec<f64> =
            image.iter().zip(&vector).map(|(y, v)| (y + lambda / 2.0 * v) / scale).collect();
        let settled = next.iter().zip(&vector).all(|(a, b)| (a - b).abs() <= STEP_MIN * a.max(*b));
        vector = next;
        if settled {
            let weights: Vec<f64> = vector.iter().zip(&logs).map(|(v, log)| v.ln() + log).collect();
            return Some((normalised(&weights), lambda));
        }
    }
    None
}

/// One matrix of a hierarchy with the names of what it compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Names, as many as the matrix compares.
    pub ids: Vec<String>,
    /// The judgements.
    pub judgements: Judgements,
}

impl Level {
    /// Pairs names with judgements.
    ///
    /// Errors: another number of names than of criteria, an empty name or one given twice.
    pub fn new(ids: Vec<String>, judgements: Judgements) -> Result<Level> {
        let n = judgements.order();
        if ids.len() != n {
            return Err(Invalid::new("ids", format!("must have {n} entries as the matrix has")));
        }
        match (0..n).find(|&i| ids[i].is_empty() || ids[..i].contains(&ids[i])) {
            Some(i) => Err(Invalid::new(format!("ids[{i}]"), "must be a name of its own")),
            None => Ok(Level { ids, judgements }),
        }
    }
}

/// Weights over two levels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hierarchy {
    /// Weights of the criteria, which sum to 1.
    pub criteria: Option<Named<f64>>,
    /// Weights of the leaves in the whole, which sum to 1.
    pub global: Option<Named<f64>>,
    /// Consistency ratio of each matrix: `criteria`, and the criteria that have their own.
    pub cr: Named<Option<f64>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Weights over two levels: those of the criteria, divided among their sub-criteria.
///
/// Formula: global weight of a leaf = weight of its criterion × its weight within; a criterion
/// without sub-criteria is itself a leaf.
///
/// Source: Saaty (1980).
///
/// Edge cases: as [`ahp`]; a matrix that does not settle leaves the weights `None`.
///
/// Errors: sub-criteria of something that is no criterion, a leaf named twice, sub-criteria of a
/// criterion named `criteria`.
pub fn hierarchy(criteria: &Level, sub: &[(String, Level)]) -> Result<Hierarchy> {
    check_hierarchy(criteria, sub)?;
    let top = ahp(&criteria.judgements);
    let mut reason = top.reason;
    let mut ratios = vec![("criteria".to_owned(), top.cr)];
    let mut global = Some(Vec::new());
    for (i, id) in criteria.ids.iter().enumerate() {
        let below = sub.iter().find(|(of, _)| of == id);
        let found = below.map(|(_, level)| (level, ahp(&level.judgements)));
        if let Some((_, found)) = &found {
            ratios.push((id.clone(), found.cr));
            reason = reason.or(found.reason);
        }
        let weight = top.weights.as_ref().map(|weights| weights[i]);
        let leaves = match found {
            None => Some(vec![(id.clone(), 1.0)]),
            Some((level, found)) => {
                found.weights.map(|weights| level.ids.iter().cloned().zip(weights).collect())
            }
        };
        global = match (global, weight, leaves) {
            (Some(mut global), Some(weight), Some(leaves)) => {
                global.extend(leaves.into_iter().map(|(id, local)| (id, weight * local)));
                Some(global)
            }
            _ => None,
        };
    }
    let criteria = top.weights.map(|weights| Named::of(&criteria.ids, weights));
    Ok(Hierarchy { criteria, global: global.map(Named), cr: Named(ratios), reason })
}

fn check_hierarchy(criteria: &Level, sub: &[(String, Level)]) -> Result<()> {
    let mut leaves: Vec<&String> = Vec::new();
    for (id, level) in sub {
        if id == "criteria" {
            return Err(Invalid::new("sub.criteria", "needs another name: this one is taken"));
        }
        if !criteria.ids.contains(id) {
            let id: String = id.chars().take(64).collect();
            return Err(Invalid::new(format!("sub.{id}"), "is none of the criteria"));
        }
        leaves.extend(&level.ids);
    }
    leaves.extend(criteria.ids.iter().filter(|id| !sub.iter().any(|(of, _)| of == *id)));
    leaves.sort_unstable();
    match leaves.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let id: String = pair[0].chars().take(64).collect();
            Err(Invalid::new("sub", format!("must not name {id} twice")))
        }
        None => Ok(()),
    }
}

/// Judgements of several experts taken together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The judgements taken together.
    pub matrix: Vec<Vec<f64>>,
    /// Weights from them.
    #[serde(flatten)]
    pub ahp: Ahp,
    /// Consistency ratio of each expert.
    pub expert_cr: Vec<Option<f64>>,
}

/// Weights from the judgements of several experts.
///
/// Formula: entry by entry the weighted geometric mean of the judgements, then [`ahp`].
///
/// Source: Aczél & Saaty (1983), aggregation of individual judgements.
///
/// Edge cases: as [`ahp`].
///
/// Errors: no expert, matrices of different sizes, weights that are negative, sum to 0 or are of
/// another number than the experts.
pub fn group(experts: &[Judgements], weights: Option<&[f64]>) -> Result<Group> {
    let Some(first) = experts.first() else {
        return Err(Invalid::new("matrices", "must hold the judgements of one expert at least"));
    };
    let n = first.order();
    if let Some(i) = experts.iter().position(|expert| expert.order() != n) {
        let problem = format!("must compare {n} criteria as the first matrix does");
        return Err(Invalid::new(format!("matrices[{i}]"), problem));
    }
    let shares = expert_shares(experts.len(), weights)?;
    let mean = |i: usize, j: usize| {
        let logs = experts.iter().zip(&shares).map(|(expert, share)| share * expert.0[i][j].ln());
        logs.sum::<f64>().exp()
    };
    let matrix: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| mean(i, j)).collect()).collect();
    let ahp = ahp(&Judgements(matrix.clone()));
    let expert_cr = experts.iter().map(|expert| consistency(&expert.0)).collect();
    Ok(Group { matrix, ahp, expert_cr })
}

fn expert_shares(experts: usize, weights: Option<&[f64]>) -> Result<Vec<f64>> {
    let equal = vec![1.0; experts];
    let weights = weights.unwrap_or(&equal);
    if weights.len() != experts {
        let problem = format!("must have {experts} entries, one per matrix");
        return Err(Invalid::new("expert_weights", problem));
    }
    if let Some(i) = weights.iter().position(|weight| !is_amount(*weight)) {
        return Err(Invalid::new(format!("expert_weights[{i}]"), "must not be negative"));
    }
    let top = weights.iter().fold(0.0, |top: f64, weight| top.max(*weight));
    if top == 0.0 {
        return Err(Invalid::new("expert_weights", "must not sum to 0"));
    }
    let sum: f64 = weights.iter().map(|weight| weight / top).sum();
    Ok(weights.iter().map(|weight| weight / top / sum).collect())
}
