//! Churn risk of customers from what is known of them.

use serde::Serialize;

use crate::measures::distributions::{normal_critical, normal_two_sided};
use crate::measures::linear::{Cholesky, Symmetric};
use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{Moments, largest, ranks};

/// Most drivers.
const DRIVERS_MAX: usize = 50;
/// Most customers times squared coefficients, which is the work of one Newton step.
const WORK_MAX: usize = 200_000_000;
const STEPS_MAX: usize = 60;
const HALVINGS_MAX: usize = 30;
/// A coefficient of a standardised driver that moves less has settled.
const STEP_MIN: f64 = 1e-10;
/// All customers told apart to this accuracy are told apart completely.
const PERFECT: f64 = 1e-8;
/// Log-odds closer than this, of the largest, are those of customers who are alike.
const PREDICTOR_SLACK: f64 = 1e-9;
/// Fitted risks that are shown.
const SHOWN: usize = 5;

/// A risk model. Coefficients by name: `intercept`, then the drivers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logistic {
    /// Customers used.
    pub n: usize,
    /// Change of the log-odds per unit of a driver.
    pub coef: Option<Named<f64>>,
    /// Standard errors.
    pub se: Option<Named<f64>>,
    /// coef/se.
    pub z: Option<Named<f64>>,
    /// Two-sided p-values.
    pub p: Option<Named<f64>>,
    /// e^coef; `None` beyond the range of a double.
    pub odds_ratio: Option<Named<Option<f64>>>,
    /// Lower end of Wald's interval of the odds ratio.
    pub or_low: Option<Named<Option<f64>>>,
    /// Upper end.
    pub or_high: Option<Named<Option<f64>>>,
    /// Log-likelihood.
    pub loglik: Option<f64>,
    /// Log-likelihood without drivers.
    pub loglik_null: Option<f64>,
    /// 1 - loglik/loglik_null.
    pub mcfadden_r2: Option<f64>,
    /// Chance that a customer who left has a higher risk than one who stayed, ties one half.
    pub auc: Option<f64>,
    /// Mean squared difference between risk and outcome.
    pub brier: Option<f64>,
    /// Risk of the first five customers used.
    pub fitted_first: Option<Vec<f64>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Logistic regression of an outcome (true: left) on drivers; customers with a missing value are
/// left out.
///
/// Formula: maximum likelihood by Newton steps on standardised drivers; se from the inverse
/// information, z and p of Wald, odds ratio e^coef with limits e^(coef ± z·se); AUC from
/// mid-ranks of the risks, those that only rounding tells apart being tied; Brier score.
///
/// Source: Cox (1958); McFadden (1974); Hanley & McNeil (1982).
///
/// Edge cases: nobody: `no_data`; a constant outcome or driver: `zero_variance`; not more
/// customers than coefficients: `n_too_small`; drivers that depend on each other: `singular`;
/// drivers that tell the outcomes apart, wholly or at one end: `separation`; an odds ratio
/// beyond the range of a double: `None`, `zero_denominator`.
///
/// Errors: lists of different lengths, more than 50 drivers, one named `intercept`, more than
/// 2e8 customers times squared coefficients.
pub fn logistic(
    y: &[Option<bool>],
    x: &[(String, Vec<Option<f64>>)],
    confidence: f64,
) -> Result<Logistic> {
    let sample = Sample::of(y, x)?;
    let nothing = |reason| Logistic { reason: Some(reason), ..empty(sample.y.len()) };
    let design = match sample.standardised() {
        Ok(design) => design,
        Err(reason) => return Ok(nothing(reason)),
    };
    match design.fit(&sample.y) {
        Ok(fit) => Ok(describe(&sample, &design, &fit, confidence)),
        Err(reason) => Ok(nothing(reason)),
    }
}

fn empty(n: usize) -> Logistic {
    Logistic {
        n,
        coef: None,
        se: None,
        z: None,
        p: None,
        odds_ratio: None,
        or_low: None,
        or_high: None,
        loglik: None,
        loglik_null: None,
        mcfadden_r2: None,
        auc: None,
        brier: None,
        fitted_first: None,
        reason: None,
    }
}

/// Complete customers.
struct Sample<'a> {
    names: Vec<&'a str>,
    y: Vec<f64>,
    /// A list per driver.
    x: Vec<Vec<f64>>,
}

impl Sample<'_> {
    fn of<'a>(y: &[Option<bool>], x: &'a [(String, Vec<Option<f64>>)]) -> Result<Sample<'a>> {
        if x.len() > DRIVERS_MAX {
            return Err(Invalid::new("x", "must have at most 50 drivers"));
        }
        for (name, values) in x {
            let short: String = name.chars().take(64).collect();
            let path = format!("x.{short}");
            if name == "intercept" {
                return Err(Invalid::new(path, "needs another name: this one is taken"));
            }
            if values.len() != y.len() {
                return Err(Invalid::new(path, format!("must have {} entries as y has", y.len())));
            }
        }
        if y.len().saturating_mul((x.len() + 1).pow(2)) > WORK_MAX {
            let problem = "must be at most 2e8 customers times squared coefficients; draw a sample";
            return Err(Invalid::new("y", problem));
        }
        let complete: Vec<usize> = (0..y.len())
            .filter(|&i| y[i].is_some() && x.iter().all(|(_, values)| values[i].is_some()))
            .collect();
        let outcome = |&i: &usize| if y[i] == Some(true) { 1.0 } else { 0.0 };
        let column =
            |values: &Vec<Option<f64>>| complete.iter().filter_map(|&i| values[i]).collect();
        Ok(Sample {
            names: x.iter().map(|(name, _)| name.as_str()).collect(),
            y: complete.iter().map(outcome).collect(),
            x: x.iter().map(|(_, values)| column(values)).collect(),
        })
    }

    fn standardised(&self) -> std::result::Result<Design, Reason> {
        let (n, left) = (self.y.len(), self.y.iter().sum::<f64>());
        let moments: Vec<Moments> = self.x.iter().map(|column| Moments::of(column)).collect();
        let constant = moments.iter().any(|m| m.variance == 0.0);
        match n {
            0 => return Err(Reason::NoData),
            _ if left == 0.0 || left == n as f64 || constant => return Err(Reason::ZeroVariance),
            _ if n <= self.x.len() + 1 => return Err(Reason::NTooSmall),
            _ => {}
        }
        let row = |i: usize| {
            let drivers = self.x.iter().zip(&moments).map(|(x, m)| (x[i] - m.mean) / m.sd());
            std::iter::once(1.0).chain(drivers).collect()
        };
        Ok(Design { rows: (0..n).map(row).collect(), moments })
    }
}

/// Standardised drivers after a leading 1.
struct Design {
    rows: Vec<Vec<f64>>,
    moments: Vec<Moments>,
}

/// Coefficients of the standardised drivers.
struct Fit {
    coefficients: Vec<f64>,
    information: Cholesky,
    loglik: f64,
    risks: Vec<f64>,
}

impl Design {
    fn fit(&self, y: &[f64]) -> std::result::Result<Fit, Reason> {
        let k = self.moments.len() + 1;
        let mut coefficients = vec![0.0; k];
        let mut loglik = self.loglik(y, &coefficients);
        let mut settled = false;
        for step in 0..STEPS_MAX {
            let risks: Vec<f64> =
                self.rows.iter().map(|row| risk(dot(row, &coefficients))).collect();
            let information = self.information(&risks).cholesky();
            // At first all customers count alike, so that it is the drivers that depend on each
            // other; later it is the risks that have reached 0 and 1.
            let singular = if step == 0 { Reason::Singular } else { Reason::Separation };
            let information = information.ok_or(singular)?;
            if settled {
                return Ok(Fit { coefficients, information, loglik, risks });
            }
            let worst = risks.iter().zip(y).fold(0.0, |m: f64, (p, y)| m.max((p - y).abs()));
            if worst < PERFECT {
                return Err(Reason::Separation);
            }
            let mut score = vec![0.0; k];
            for (row, (p, y)) in self.rows.iter().zip(risks.iter().zip(y)) {
                score.iter_mut().zip(row).for_each(|(score, x)| *score += x * (y - p));
            }
            let mut change = information.solve(&score);
            for _ in 0..HALVINGS_MAX {
                let next = added(&coefficients, &change);
                if self.loglik(y, &next) >= loglik - 1e-9 * loglik.abs() {
                    break;
                }
                change.iter_mut().for_each(|c| *c /= 2.0);
            }
            coefficients = added(&coefficients, &change);
            loglik = self.loglik(y, &coefficients);
            settled = change.iter().all(|c| c.abs() <= STEP_MIN);
        }
        // A likelihood with a maximum is reached in far fewer steps.
        Err(Reason::Separation)
    }

    fn information(&self, risks: &[f64]) -> Symmetric {
        let k = self.moments.len() + 1;
        let mut sums = vec![0.0; k * k];
        for (row, p) in self.rows.iter().zip(risks) {
            let weight = p * (1.0 - p);
            for i in 0..k {
                for j in 0..=i {
                    sums[i * k + j] += weight * row[i] * row[j];
                }
            }
        }
        Symmetric::from_fn(k, |i, j| sums[i * k + j])
    }

    fn loglik(&self, y: &[f64], coefficients: &[f64]) -> f64 {
        let rows = self.rows.iter().zip(y);
        let terms = rows.map(|(row, y)| {
            let eta = dot(row, coefficients);
            // ln(1 + e^η) without overflow.
            y * eta - eta.max(0.0) - (-eta.abs()).exp().ln_1p()
        });
        terms.sum()
    }

    /// Log-odds of each customer.
    fn predictors(&self, coefficients: &[f64]) -> Vec<f64> {
        self.rows.iter().map(|row| dot(row, coefficients)).collect()
    }

    /// Coefficients and standard errors in the units of the drivers.
    fn restored(&self, fit: &Fit) -> (Vec<f64>, Vec<f64>) {
        let covariance = fit.information.inverse();
        // The intercept of the drivers as they are is the first row times the coefficients.
        let first: Vec<f64> =
            std::iter::once(1.0).chain(self.moments.iter().map(|m| -m.mean / m.sd())).collect();
        let k = first.len();
        let pairs = (0..k).flat_map(|i| (0..k).map(move |j| (i, j)));
        let variance: f64 = pairs.map(|(i, j)| first[i] * first[j] * covariance.at(i, j)).sum();
        let (mut coef, mut se) = (vec![dot(&first, &fit.coefficients)], vec![variance.sqrt()]);
        for (j, m) in self.moments.iter().enumerate() {
            coef.push(fit.coefficients[j + 1] / m.sd());
            se.push(covariance.at(j + 1, j + 1).sqrt() / m.sd());
        }
        (coef, se)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn added(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn risk(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

fn describe(sample: &Sample, design: &Design, fit: &Fit, confidence: f64) -> Logistic {
    let (coef, se) = design.restored(fit);
    let names: Vec<String> = std::iter::once("intercept")
        .chain(sample.names.iter().copied())
        .map(str::to_owned)
        .collect();
    let z: Vec<f64> = coef.iter().zip(&se).map(|(coef, se)| coef / se).collect();
    if coef.iter().chain(&se).chain(&z).any(|v| !v.is_finite()) {
        return Logistic { reason: Some(Reason::Singular), ..empty(sample.y.len()) };
    }
    let critical = normal_critical(confidence);
    let odds = |width: f64| -> Vec<Option<f64>> {
        let each = coef.iter().zip(&se);
        each.map(|(coef, se)| Some((coef + width * se).exp()).filter(|v| v.is_finite())).collect()
    };
    let (ratio, low, high) = (odds(0.0), odds(-critical), odds(critical));
    let beyond = ratio.iter().chain(&low).chain(&high).any(Option::is_none);
    let n = sample.y.len() as f64;
    let share = sample.y.iter().sum::<f64>() / n;
    let loglik_null = n * (share * share.ln() + (1.0 - share) * (-share).ln_1p());
    let errors = sample.y.iter().zip(&fit.risks).map(|(y, p)| (y - p) * (y - p));
    Logistic {
        z: Some(Named::of(&names, z.iter().copied())),
        p: Some(Named::of(&names, z.iter().map(|z| normal_two_sided(*z)))),
        coef: Some(Named::of(&names, coef)),
        se: Some(Named::of(&names, se)),
        odds_ratio: Some(Named::of(&names, ratio)),
        or_low: Some(Named::of(&names, low)),
        or_high: Some(Named::of(&names, high)),
        loglik: Some(fit.loglik),
        loglik_null: Some(loglik_null),
        mcfadden_r2: Some((1.0 - fit.loglik / loglik_null).max(0.0)),
        auc: Some(auc(&sample.y, &design.predictors(&fit.coefficients))),
        brier: Some(errors.sum::<f64>() / n),
        fitted_first: Some(fit.risks.iter().copied().take(SHOWN).collect()),
        reason: beyond.then_some(Reason::ZeroDenominator),
        ..empty(sample.y.len())
    }
}

/// Predictors that only rounding errors of the fit tell apart, made equal.
fn without_rounding(predictors: &[f64]) -> Vec<f64> {
    let slack = PREDICTOR_SLACK * largest(predictors).max(1.0);
    let mut order: Vec<usize> = (0..predictors.len()).collect();
    order.sort_by(|&a, &b| predictors[a].total_cmp(&predictors[b]));
    let mut equal = predictors.to_vec();
    for group in order.chunk_by(|&a, &b| predictors[b] - predictors[a] <= slack) {
        group.iter().for_each(|&i| equal[i] = predictors[group[0]]);
    }
    equal
}

/// Area under the ROC curve, from what the risks grow with.
fn auc(y: &[f64], predictors: &[f64]) -> f64 {
    let (ranks, _) = ranks(&without_rounding(predictors));
    let left: f64 = y.iter().sum();
    let stayed = y.len() as f64 - left;
    let sum = dot(y, &ranks);
    (sum - left * (left + 1.0) / 2.0) / (left * stayed)
}
