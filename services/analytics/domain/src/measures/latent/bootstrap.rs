//! Bootstrap of a path model.

use serde::Serialize;

use super::estimate::Estimator;
use super::model::Model;
use super::path_model::{Options, Problem};
use crate::measures::covariance::check_work;
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::resample::{Draws, Rows, replicate, spread};

/// Rounds before the fit of a resample is given up.
const ROUNDS_MAX: usize = 1000;
/// Rounds that a fit is counted with in the limit of the work; most take 10 to 50.
const ROUNDS_USUAL: usize = 200;

/// A path with the spread of its coefficient.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathSpread {
    /// Latent variable it comes from.
    pub from: String,
    /// Latent variable it leads to.
    pub to: String,
    /// Coefficient in the data.
    pub coef: f64,
    /// Standard error.
    pub se: Option<f64>,
    /// Lower end of the percentile interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
}

/// An index with its spread.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexSpread {
    /// Index in the data, 0 to 100; `None` when an item has a negative weight.
    pub value: Option<f64>,
    /// Standard error.
    pub se: Option<f64>,
    /// Lower end of the percentile interval; `None` when fewer than 90 % of the resamples give
    /// an index.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Resamples that give an index.
    pub valid: usize,
}

/// Spread of the paths and indices of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Respondents with all answers.
    pub n: usize,
    /// Resamples.
    pub n_resamples: usize,
    /// Seed of the resamples, unless they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Resamples that have a fit.
    pub valid: usize,
    /// Paths in the order given.
    pub paths: Option<Vec<PathSpread>>,
    /// Index of each latent variable; only with a scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Named<IndexSpread>>,
    /// Items with a negative weight in the units of the data; they are probably reversed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub negative_weights: Vec<String>,
    /// Why there is no fit, or `n_too_small` when too few resamples gave a number for its
    /// interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Fits a path model to every resample of the respondents with all answers, on all cores; the
/// same seed gives the same bytes on every machine.
///
/// Formula: standard error = standard deviation (n - 1) of the replicates; percentile interval
/// with type-7 quantiles at (1 ± confidence)/2. A replicate without a fit, or an index with a
/// negative weight, is left out; fewer than 90 % valid replicates give no interval.
///
/// Source: Efron & Tibshirani (1993).
///
/// Edge cases: as [`super::path_model::path_model`]. A resample gets 1000 rounds.
///
/// Errors: as [`super::path_model::path_model`]; a resample with fewer than two rows, or a row
/// that is none of the complete ones; rows × items² × resamples and 200
/// rounds for each resample above 1e11.
pub fn bootstrap(
    data: &[(String, Vec<Option<f64>>)],
    model: &Model,
    options: &Options,
    draws: Draws,
    confidence: f64,
) -> Result<Bootstrap> {
    let problem = Problem::new(data, model, options)?;
    let n = problem.covariances.n;
    let items = problem.structure.items();
    let fit_cost = ROUNDS_USUAL * problem.structure.round_cost() / (items * items);
    check_work("n_resamples", n + fit_cost, items, draws.count())?;
    check_rows(&draws, n)?;
    let mut found = Bootstrap {
        n,
        n_resamples: draws.count(),
        seed: match draws {
            Draws::Seeded { seed, .. } => Some(seed),
            Draws::Given(_) => None,
        },
        valid: 0,
        paths: None,
        index: None,
        negative_weights: Vec::new(),
        reason: None,
    };
    let mut whole = Estimator::new(&problem.structure, options);
    match problem.fit(&mut whole) {
        Ok(()) => describe(&problem, &whole, options, &draws, confidence, &mut found),
        Err(reason) => found.reason = Some(reason),
    }
    Ok(found)
}

fn check_rows(draws: &Draws, n: usize) -> Result<()> {
    let Draws::Given(resamples) = draws else { return Ok(()) };
    for (r, rows) in resamples.iter().enumerate() {
        if rows.len() < 2 {
            return Err(Invalid::new(format!("resamples[{r}]"), "must have at least 2 rows"));
        }
        if let Some(i) = rows.iter().position(|row| *row >= n) {
            let problem = format!("must be below {n}, the number of complete rows");
            return Err(Invalid::new(format!("resamples[{r}][{i}]"), problem));
        }
    }
    Ok(())
}

/// Coefficients of all paths and indices of all latent variables, resample by resample.
fn replicates(problem: &Problem, options: &Options, draws: &Draws, outputs: usize) -> Vec<f64> {
    let lengths = 0..problem.columns[0].len();
    let row = |i: usize| problem.columns.iter().map(move |column| column[i]);
    let rows = Rows::new(&problem.covariances, lengths.map(row));
    let state = || Estimator::new(&problem.structure, options);
    replicate(&rows, draws, outputs, state, |estimator, resample, out| {
        if estimator.fit(resample, ROUNDS_MAX).is_err() {
            return;
        }
        let (paths, indices) = out.split_at_mut(problem.structure.paths.len());
        paths.copy_from_slice(&estimator.coefficients);
        for (k, index) in indices.iter_mut().enumerate() {
            let found = options.scale.and_then(|s| estimator.index(k, &resample.means, s));
            *index = found.unwrap_or(f64::NAN);
        }
    })
}

fn describe(
    problem: &Problem,
    whole: &Estimator,
    options: &Options,
    draws: &Draws,
    confidence: f64,
    found: &mut Bootstrap,
) {
    let (paths, l) = (problem.structure.paths.len(), problem.structure.latents());
    let outputs = paths + options.scale.map_or(0, |_| l);
    let results = replicates(problem, options, draws, outputs);
    let spread = |column: usize| spread(&results, outputs, column, confidence);
    // Every model has a path, and every fit gives all paths.
    found.valid = spread(0).valid;
    let path = |(i, (from, to)): (usize, &(String, String))| {
        let s = spread(i);
        let (from, to) = (from.clone(), to.clone());
        let coef = whole.coefficients[i];
        PathSpread { from, to, coef, se: s.se, ci_low: s.low, ci_high: s.high }
    };
    let paths_found: Vec<PathSpread> = problem.model.paths.iter().enumerate().map(path).collect();
    let enough = |column: usize| spread(column).low.is_some();
    found.reason = (!(0..outputs).all(enough)).then_some(Reason::NTooSmall);
    found.negative_weights = problem.negative_weights(whole);
    found.paths = Some(paths_found);
    found.index = options.scale.map(|scale| {
        let index = |k: usize| {
            let s = spread(paths + k);
            let value = whole.index(k, &problem.covariances.means, scale);
            (
                problem.id(k),
                IndexSpread { value, se: s.se, ci_low: s.low, ci_high: s.high, valid: s.valid },
            )
        };
        Named((0..l).map(index).collect())
    });
}
