//! The hierarchical satisfaction index (CSI) of a tree and of the answers to its leaves.

use serde::Serialize;

use super::tree::{RollUp, Tree};
use crate::intervals::Interval;
use crate::measures::bounds::is_share;
use crate::measures::distributions::student_critical;
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::row_weights;
use crate::measures::scores::summary::summary;

/// Scores by grade, such as 1 → 0, 2 → 40, 3 → 60, 4 → 80, 5 → 100.
#[derive(Debug, Clone, PartialEq)]
pub struct GradeMap(Vec<(f64, f64)>);

impl GradeMap {
    /// A table of (grade, score).
    pub fn new(table: Vec<(f64, f64)>) -> GradeMap {
        GradeMap(table)
    }

    /// The score of a grade, if the table has it.
    pub fn score(&self, grade: f64) -> Option<f64> {
        self.0.iter().find(|(of, _)| *of == grade).map(|(_, score)| *score)
    }
}

/// An index whose items are averaged first; in the unit of the scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemMeans {
    /// Respondents with at least one answer.
    pub n: usize,
    /// Value of the root.
    pub index: Option<f64>,
    /// Value of every node.
    pub nodes: Named<Option<f64>>,
    /// Answers of each leaf.
    pub leaf_n: Named<usize>,
    /// What each leaf counts in the index among those that were answered, in \[0, 1\].
    pub leaf_weights: Named<f64>,
    /// Standard error of the index.
    pub se: Option<f64>,
    /// Lower end of the t interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The index of a tree from the mean of each leaf, so that a node always equals the weighted
/// mean of what is shown below it. `responses` has a row per respondent with an entry per leaf,
/// in the order of [`Tree::leaves`].
///
/// Formula: leaf = Σwy/Σw of its answers; node = Σ share·child/Σ share over the children that
/// have a value. se by linearisation: with ω the effective weight of a leaf and W the weights of
/// those who answered it, z_i = Σ ω·w_i·(y_i - mean)/W, se = √(n/(n-1)·Σz²), t(n-1) interval.
///
/// Source: weighted index of means; linearisation as Cochran (1977).
///
/// Edge cases: a leaf nobody answered drops out, `no_data`; nobody answered, or only leaves of
/// weight 0: index `None`, `no_data`; one respondent: no standard error, `n_too_small`.
///
/// Errors: a row of another length than the leaves, weights that are negative or of another
/// number than the rows.
pub fn item_means(
    tree: &Tree,
    responses: &[Vec<Option<f64>>],
    weights: Option<&[Option<f64>]>,
    confidence: f64,
) -> Result<ItemMeans> {
    check_rows(tree, responses)?;
    let weights = row_weights(weights, responses.len())?;
    let leaves = Leaves::of(tree, responses, &weights);
    let RollUp { values, effective } = tree.roll_up(&leaves.means);
    let index = values[tree.root()];
    let pull: Vec<f64> = tree.leaves().iter().map(|&leaf| effective[leaf]).collect();
    let n = answered(responses, &weights).filter(|answered| *answered).count();
    let se = index.filter(|_| n > 1).map(|_| leaves.error(responses, &weights, &pull, n));
    let ci = index.zip(se).map(|(index, se)| {
        Interval::around(index, student_critical(confidence, n as f64 - 1.0) * se)
    });
    let reason = match (index, se) {
        (None, _) => Some(Reason::NoData),
        (_, None) => Some(Reason::NTooSmall),
        _ => values.contains(&None).then_some(Reason::NoData),
    };
    Ok(ItemMeans {
        n,
        index,
        nodes: Named::of(tree.ids(), values),
        leaf_n: Named::of(tree.leaf_ids(), leaves.counts),
        leaf_weights: Named::of(tree.leaf_ids(), pull),
        se,
        ci_low: ci.map(|ci| ci.low),
        ci_high: ci.map(|ci| ci.high),
        reason,
    })
}

/// An index whose respondents are scored first; in the unit of the scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RespondentScores {
    /// Respondents with at least one answer.
    pub n: usize,
    /// Respondents who answered enough to be scored.
    pub n_scored: usize,
    /// Weighted mean of the scores.
    pub index: Option<f64>,
    /// Answers of each leaf.
    pub leaf_n: Named<usize>,
    /// Score of each respondent; `None` for those who answered too little or do not count.
    pub scores: Vec<Option<f64>>,
    /// Sample standard deviation of the scores.
    pub sd: Option<f64>,
    /// Standard error of the index.
    pub se: Option<f64>,
    /// Lower end of the t interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The index of a tree as the mean of the scores of the respondents. `responses` as for
/// [`item_means`].
///
/// Formula: the same roll-up per respondent; coverage = sum of the global weights of the leaves
/// that were answered, those of all leaves together being 1; a respondent below `min_coverage`
/// is not scored. Mean, sd, se and interval as [`summary`].
///
/// Source: weighted mean with linearised standard error.
///
/// Edge cases: nobody scored: `no_data`; one: no standard error, `n_too_small`.
///
/// Errors: as [`item_means`]; `min_coverage` outside \[0, 1\].
pub fn respondent_scores(
    tree: &Tree,
    responses: &[Vec<Option<f64>>],
    weights: Option<&[Option<f64>]>,
    min_coverage: f64,
    confidence: f64,
) -> Result<RespondentScores> {
    if !is_share(min_coverage) {
        return Err(Invalid::new("min_coverage", "must lie between 0 and 1"));
    }
    check_rows(tree, responses)?;
    let row_weights = row_weights(weights, responses.len())?;
    let global = tree.global_weights();
    let score = |row: &Vec<Option<f64>>| {
        let answered = row.iter().zip(&global).filter(|(answer, _)| answer.is_some());
        // The sum of all weights may miss 1 by a few rounding errors.
        let covered = answered.map(|(_, weight)| weight).sum::<f64>() >= min_coverage - 1e-12;
        covered.then(|| tree.roll_up(row).values[tree.root()]).flatten()
    };
    let rows = responses.iter().zip(&row_weights);
    let scores: Vec<_> =
        rows.map(|(row, weight)| (*weight > 0.0).then(|| score(row)).flatten()).collect();
    let found = summary(&scores, weights, confidence)?;
    let leaves = Leaves::of(tree, responses, &row_weights);
    Ok(RespondentScores {
        n: answered(responses, &row_weights).filter(|answered| *answered).count(),
        n_scored: scores.iter().flatten().count(),
        index: found.mean,
        leaf_n: Named::of(tree.leaf_ids(), leaves.counts),
        scores,
        sd: found.sd,
        se: found.se,
        ci_low: found.ci_low,
        ci_high: found.ci_high,
        reason: found.reason,
    })
}

fn check_rows(tree: &Tree, responses: &[Vec<Option<f64>>]) -> Result<()> {
    let leaves = tree.leaves().len();
    match responses.iter().position(|row| row.len() != leaves) {
        None => Ok(()),
        Some(i) => {
            let problem = format!("must have {leaves} entries, one per leaf");
            Err(Invalid::new(format!("responses[{i}]"), problem))
        }
    }
}

/// Whether each row counts and has an answer.
fn answered<'a>(
    responses: &'a [Vec<Option<f64>>],
    weights: &'a [f64],
) -> impl Iterator<Item = bool> + 'a {
    let rows = responses.iter().zip(weights);
    rows.map(|(row, weight)| *weight > 0.0 && row.iter().any(Option::is_some))
}

/// Means of the leaves.
struct Leaves {
    means: Vec<Option<f64>>,
    counts: Vec<usize>,
    /// Sum of the weights of those who answered.
    totals: Vec<f64>,
}

impl Leaves {
    fn of(tree: &Tree, responses: &[Vec<Option<f64>>], weights: &[f64]) -> Leaves {
        let k = tree.leaves().len();
        let mut first = vec![None; k];
        let (mut sums, mut totals, mut counts) = (vec![0.0; k], vec![0.0; k], vec![0; k]);
        for (row, &weight) in responses.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            for (leaf, answer) in row.iter().enumerate() {
                let Some(answer) = *answer else { continue };
                // Relative to the first answer, equal answers have exactly themselves as mean.
                sums[leaf] += weight * (answer - *first[leaf].get_or_insert(answer));
                totals[leaf] += weight;
                counts[leaf] += 1;
            }
        }
        let each = first.iter().zip(sums.iter().zip(&totals));
        let means = each.map(|(first, (sum, total))| Some((*first)? + sum / total)).collect();
        Leaves { means, counts, totals }
    }

    /// Linearised standard error of the root, n > 1.
    fn error(
        &self,
        responses: &[Vec<Option<f64>>],
        weights: &[f64],
        pull: &[f64],
        n: usize,
    ) -> f64 {
        let rows = responses.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let squares: f64 = rows
            .map(|(row, weight)| {
                let terms = row.iter().enumerate().map(|(leaf, answer)| {
                    let residual = answer.zip(self.means[leaf]).map(|(y, mean)| y - mean);
                    residual.map_or(0.0, |r| pull[leaf] * weight * r / self.totals[leaf])
                });
                terms.sum::<f64>().powi(2)
            })
            .sum();
        (n as f64 / (n as f64 - 1.0) * squares).sqrt()
    }
}
