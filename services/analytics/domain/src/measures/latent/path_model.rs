//! PLS path modelling.

use serde::Serialize;

use super::estimate::Estimator;
use super::model::{Model, Structure};
use crate::measures::covariance::{Covariances, check_work};
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};

/// Rounds before the iteration is given up.
const ROUNDS_MAX: usize = 20_000;
/// Fewer respondents than this fit any model.
const RESPONDENTS_MIN: usize = 10;

/// How the neighbours of a latent variable are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Predecessors by their regression coefficients, successors by correlation.
    Path,
    /// All neighbours by the sign of the correlation.
    Centroid,
    /// All neighbours by correlation.
    Factorial,
}

/// Ends of the scale of the items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Lowest answer: index 0.
    pub min: f64,
    /// Highest answer: index 100.
    pub max: f64,
}

impl Scale {
    /// Refuses a scale without length, and answers outside it.
    pub(super) fn check<'a>(
        &self,
        max: &str,
        columns: impl Iterator<Item = (String, &'a [Option<f64>])>,
    ) -> Result<()> {
        if self.max <= self.min {
            return Err(Invalid::new(max, "must be above the lowest answer"));
        }
        for (field, values) in columns {
            let outside = |v: &Option<f64>| v.is_some_and(|v| v < self.min || v > self.max);
            if let Some(i) = values.iter().position(outside) {
                let problem = format!("must lie between {} and {}", self.min, self.max);
                return Err(Invalid::new(format!("{field}[{i}]"), problem));
            }
        }
        Ok(())
    }
}

/// How to fit a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Inner weights.
    pub scheme: Scheme,
    /// Divide every item by its standard deviation first.
    pub standardize: bool,
    /// Scale of all items; without it there are no indices.
    pub scale: Option<Scale>,
}

/// A path with its coefficient.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Path {
    /// Latent variable it comes from.
    pub from: String,
    /// Latent variable it leads to.
    pub to: String,
    /// Standardised coefficient.
    pub coef: f64,
}

/// Effect of one latent variable on another over all paths.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Where it comes from.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Sum over all ways of the product of their coefficients.
    pub effect: f64,
}

/// A fitted path model. All is `None` when `reason` says why there is no fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PathModel {
    /// Respondents with all answers.
    pub n: usize,
    /// Paths in the order given.
    pub paths: Option<Vec<Path>>,
    /// Share of the variance explained, of each latent variable with predecessors.
    pub r2: Option<Named<f64>>,
    /// Outer weight of each item, for latent variables of variance 1.
    pub weights: Option<Named<f64>>,
    /// Correlation of each item with its latent variable.
    pub loadings: Option<Named<f64>>,
    /// Loading² of each item.
    pub communality: Option<Named<f64>>,
    /// Mean communality of each block; below 0.5 the items share too little.
    pub ave: Option<Named<f64>>,
    /// Composite reliability of each block; `None` for a single item.
    pub rho_c: Option<Named<Option<f64>>>,
    /// Goodness of fit: √(mean communality of blocks of several items · mean R²); `None`
    /// without such a block.
    pub gof: Option<f64>,
    /// Unstandardised weight of each item as a part of those of its block.
    pub index_weights: Option<Named<Option<f64>>>,
    /// Effects that are not 0, ordered by `from`, then `to`, as the latent variables are.
    pub total_effects: Option<Vec<Effect>>,
    /// Correlations of the latent variables.
    pub lv_corr: Option<Vec<Vec<f64>>>,
    /// Index of each latent variable, 0 to 100; `None` when an item has a negative weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Named<Option<f64>>>,
    /// Items with a negative weight in the units of the data; they are probably reversed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub negative_weights: Vec<String>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Fits a path model; respondents with a missing answer to an item of the model are left out,
/// other columns of `data` do not matter.
///
/// Formula (C covariances of the items, correlations if standardised): start with weights 1;
/// inner weights from the correlations R of the latent variables by the scheme; proxies Z = LV·E;
/// mode A w = cov(x, Z), mode B w = C_kk⁻¹·cov(x, Z); scale to variance 1; turn a latent
/// variable that most of its items go against; until no weight changes by 1e-10. Then paths and
/// R² by regression; total effects B + B² + …; ave = mean loading²; rho_c = (Σλ)²/((Σλ)² +
/// Σ(1-λ²)); index = 100·Σ w̃_j(x̄_j - min)/(Σw̃·(max - min)) with w̃ = w/sd if standardised.
///
/// Source: Lohmöller (1989); Tenenhaus et al. (2005); Fornell et al. (1996) for the index.
///
/// Edge cases: fewer than 10 complete rows: `n_too_small`; an item or latent variable that does
/// not vary: `zero_variance`; a formative block or predecessors that determine each other:
/// `singular`; no end within 20,000 rounds: `not_converged`; only single items: `gof` missing
/// with `too_few_items`; a negative weight: the index of that block is missing and the item is
/// listed in `negative_weights`.
///
/// Errors: as the model has them (unknown or repeated names, cycles, latent variables without a
/// path, more than 40 latent variables or 300 items); a scale without length; an answer outside
/// the scale; rows × items² above 1e11.
pub fn path_model(
    data: &[(String, Vec<Option<f64>>)],
    model: &Model,
    options: &Options,
) -> Result<PathModel> {
    let problem = Problem::new(data, model, options)?;
    let mut estimator = Estimator::new(&problem.structure, options);
    Ok(match problem.fit(&mut estimator) {
        Ok(()) => problem.describe(&estimator),
        Err(reason) => {
            PathModel { n: problem.covariances.n, reason: Some(reason), ..PathModel::default() }
        }
    })
}

/// A checked model with its data.
pub(super) struct Problem<'a> {
    pub structure: Structure,
    pub columns: Vec<&'a [Option<f64>]>,
    pub covariances: Covariances,
    pub model: &'a Model,
    options: &'a Options,
}

impl<'a> Problem<'a> {
    pub fn new(
        data: &'a [(String, Vec<Option<f64>>)],
        model: &'a Model,
        options: &'a Options,
    ) -> Result<Problem<'a>> {
        let structure = Structure::of(model, data)?;
        let columns: Vec<&[Option<f64>]> =
            structure.columns.iter().map(|&column| data[column].1.as_slice()).collect();
        let rows = columns[0].len();
        if let Some(j) = columns.iter().position(|column| column.len() != rows) {
            let field = format!("data.{}", data[structure.columns[j]].0);
            return Err(Invalid::new(field, format!("must have {rows} entries")));
        }
        if let Some(scale) = options.scale {
            let used = structure.columns.iter().map(|&column| &data[column]);
            let used = used.map(|(name, values)| (format!("data.{name}"), values.as_slice()));
            scale.check("scale.max", used)?;
        }
        check_work("data", rows, columns.len(), 1)?;
        let covariances = Covariances::of_columns(&columns);
        Ok(Problem { structure, columns, covariances, model, options })
    }

    pub fn fit(&self, estimator: &mut Estimator) -> std::result::Result<(), Reason> {
        if self.covariances.n < RESPONDENTS_MIN {
            return Err(Reason::NTooSmall);
        }
        estimator.fit(&self.covariances, ROUNDS_MAX)
    }

    /// Name of a latent variable.
    pub fn id(&self, k: usize) -> String {
        self.model.latents[k].id.clone()
    }

    fn by_item<T>(&self, value: impl Fn(usize, usize) -> T) -> Named<T> {
        let names = self.model.latents.iter().flat_map(|latent| &latent.items);
        Named::of(names, self.structure.owners().enumerate().map(|(j, k)| value(j, k)))
    }

    fn by_latent<T>(&self, value: impl Fn(usize) -> T) -> Named<T> {
        let ids = self.model.latents.iter().map(|latent| &latent.id);
        Named::of(ids, (0..self.structure.latents()).map(value))
    }

    fn describe(&self, fit: &Estimator) -> PathModel {
        let (s, l) = (&self.structure, self.structure.latents());
        let block_sum = |k: usize, value: &dyn Fn(usize) -> f64| -> f64 {
            s.blocks[k].clone().map(value).sum()
        };
        let communality = |k: usize| block_sum(k, &|j| fit.loading(j, k).powi(2));
        let rho_c = |k: usize| {
            let common = block_sum(k, &|j| fit.loading(j, k)).powi(2);
            let own = s.blocks[k].len() as f64 - communality(k);
            (s.blocks[k].len() > 1).then(|| common / (common + own))
        };
        let index_weight = |j: usize, k: usize| {
            let sum = block_sum(k, &|j| fit.raw_weight(j));
            let size = block_sum(k, &|j| fit.raw_weight(j).abs());
            (sum.abs() > 1e-12 * size).then(|| fit.raw_weight(j) / sum)
        };
        let gof = self.goodness(fit, communality);
        let index_weights = self.by_item(index_weight);
        let lost = index_weights.0.iter().any(|(_, weight)| weight.is_none());
        let paths = self.model.paths.iter().zip(&fit.coefficients);
        PathModel {
            n: self.covariances.n,
            paths: Some(
                paths
                    .map(|((from, to), &coef)| Path { from: from.clone(), to: to.clone(), coef })
                    .collect(),
            ),
            r2: Some(Named(self.endogenous().map(|k| (self.id(k), fit.r2[k])).collect())),
            weights: Some(self.by_item(|j, _| fit.weights[j])),
            loadings: Some(self.by_item(|j, k| fit.loading(j, k))),
            communality: Some(self.by_item(|j, k| fit.loading(j, k).powi(2))),
            ave: Some(self.by_latent(|k| communality(k) / s.blocks[k].len() as f64)),
            rho_c: Some(self.by_latent(rho_c)),
            gof,
            index_weights: Some(index_weights),
            total_effects: Some(self.total_effects(&fit.coefficients)),
            lv_corr: Some(fit.correlations.chunks_exact(l).map(<[f64]>::to_vec).collect()),
            index: self
                .options
                .scale
                .map(|scale| self.by_latent(|k| fit.index(k, &self.covariances.means, scale))),
            negative_weights: self.negative_weights(fit),
            reason: match gof {
                None => Some(Reason::TooFewItems),
                Some(_) => lost.then_some(Reason::ZeroDenominator),
            },
        }
    }

    /// Items whose weight in the units of the data is negative.
    pub fn negative_weights(&self, fit: &Estimator) -> Vec<String> {
        let below = self.by_item(|j, _| fit.raw_weight(j) < 0.0).0.into_iter();
        below.filter(|(_, below)| *below).map(|(name, _)| name).collect()
    }

    fn endogenous(&self) -> impl Iterator<Item = usize> {
        (0..self.structure.latents()).filter(|&k| !self.structure.predecessors[k].is_empty())
    }

    fn goodness(&self, fit: &Estimator, communality: impl Fn(usize) -> f64) -> Option<f64> {
        let blocks = self.structure.blocks.iter().enumerate();
        let several = blocks.filter(|(_, block)| block.len() > 1);
        let (sum, items) =
            several.fold((0.0, 0), |(sum, n), (k, block)| (sum + communality(k), n + block.len()));
        let (r2, count) = self.endogenous().fold((0.0, 0), |(sum, n), k| (sum + fit.r2[k], n + 1));
        let product = sum / items as f64 * r2 / f64::from(count);
        (items > 0).then(|| product.max(0.0).sqrt())
    }

    fn total_effects(&self, coefficients: &[f64]) -> Vec<Effect> {
        let (s, l) = (&self.structure, self.structure.latents());
        let mut totals = vec![vec![0.0; l]; l];
        // The effect of a latent variable is that of its successors times the paths to them.
        for &from in s.order.iter().rev() {
            let mut own = vec![0.0; l];
            for (&(start, next), b) in s.paths.iter().zip(coefficients) {
                if start == from {
                    own[next] += b;
                    own.iter_mut().zip(&totals[next]).for_each(|(sum, t)| *sum += b * t);
                }
            }
            totals[from] = own;
        }
        let pairs = (0..l).flat_map(|from| (0..l).map(move |to| (from, to)));
        let effects = pairs.filter(|&(from, to)| totals[from][to] != 0.0);
        effects
            .map(|(from, to)| Effect {
                from: self.id(from),
                to: self.id(to),
                effect: totals[from][to],
            })
            .collect()
    }
}
