//! Cronbach's alpha.

use serde::Serialize;

use super::block::covariances;
use crate::measures::covariance::Covariances;
use crate::measures::distributions::f_quantile;
use crate::measures::reason::{Invalid, Reason, Result};

/// Band of an alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// At least 0.90.
    High,
    /// At least 0.80.
    Acceptable,
    /// At least 0.75.
    Marginal,
    /// Below 0.75.
    Unacceptable,
}

impl Grade {
    /// The band of `alpha`; a rounding error below a limit does not lower it.
    pub fn of(alpha: f64) -> Grade {
        let at_least = |limit: f64| alpha >= limit - 1e-12;
        match alpha {
            _ if at_least(0.90) => Grade::High,
            _ if at_least(0.80) => Grade::Acceptable,
            _ if at_least(0.75) => Grade::Marginal,
            _ => Grade::Unacceptable,
        }
    }
}

/// Alpha of a block of items with diagnostics. Lists have one entry per item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alpha {
    /// Respondents with all answers.
    pub n: usize,
    /// Respondents left out because an answer is missing.
    pub n_dropped: usize,
    /// Items.
    pub k: usize,
    /// Alpha; may be negative.
    pub alpha: Option<f64>,
    /// Alpha of standardised items; `None` when an item is constant.
    pub std_alpha: Option<f64>,
    /// Lower end of Feldt's interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Correlation of each item with the sum of the others; `None` for a constant item.
    pub item_total_r: Option<Vec<Option<f64>>>,
    /// Alpha without each item; `None` entries when two items are left or nothing varies.
    pub alpha_if_deleted: Option<Vec<Option<f64>>>,
    /// Mean of each item.
    pub item_means: Option<Vec<f64>>,
    /// Variance of each item.
    pub item_variances: Option<Vec<f64>>,
    /// Variance of the sum of all items.
    pub total_variance: Option<f64>,
    /// Band of alpha.
    pub grade: Option<Grade>,
    /// Why alpha is missing, or a diagnostic when alpha is given: `too_few_items` for the alpha
    /// of one item that two leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Cronbach's alpha with Feldt's interval and item diagnostics; rows are respondents, columns
/// items, rows with a missing answer are left out.
///
/// Formula: α = k/(k-1)·(1 - Σs_j²/s_T²), variances with n-1; interval 1-(1-α)F(1-γ/2) to
/// 1-(1-α)F(γ/2) with n-1 and (n-1)(k-1) degrees of freedom, γ = 1 - confidence; standardised
/// k·r̄/(1+(k-1)r̄).
///
/// Source: Cronbach (1951); Feldt, Woodruff & Salih (1987).
///
/// Edge cases: fewer than two items: `too_few_items`; fewer than two complete rows:
/// `n_too_small`; equal totals: `zero_variance`. A constant item stays in k.
///
/// The data are read once, whatever the number of items.
///
/// Errors: rows of different length; more than 1000 items; rows × items² above 1e11.
pub fn alpha(items: &[Vec<Option<f64>>], confidence: f64) -> Result<Alpha> {
    Ok(alpha_of(covariances(items)?, items.len(), confidence))
}

/// The same for covariances that were added up elsewhere, over the complete of `rows` rows.
pub fn alpha_of(covariances: Covariances, rows: usize, confidence: f64) -> Alpha {
    let (n, k) = (covariances.n, covariances.order());
    let mut result = Alpha {
        n,
        n_dropped: rows.saturating_sub(n),
        k,
        alpha: None,
        std_alpha: None,
        ci_low: None,
        ci_high: None,
        item_total_r: None,
        alpha_if_deleted: None,
        item_means: None,
        item_variances: None,
        total_variance: None,
        grade: None,
        reason: None,
    };
    if k < 2 {
        // Without a first item nobody can be told to have answered.
        result.n_dropped = if k == 0 { 0 } else { result.n_dropped };
        result.reason = Some(Reason::TooFewItems);
    } else if n < 2 {
        result.reason = Some(Reason::NTooSmall);
    } else {
        diagnose(&mut result, &Block::of(covariances), confidence);
    }
    result
}

/// Covariances of items, with what is needed of their sums.
struct Block {
    covariances: Covariances,
    /// Covariance of each item with the sum of all.
    with_total: Vec<f64>,
    total: f64,
    /// A variance of sums below this is rounding.
    negligible: f64,
}

impl Block {
    fn of(covariances: Covariances) -> Block {
        let all: Vec<usize> = (0..covariances.order()).collect();
        let with_total: Vec<f64> = all.iter().map(|&j| covariances.of_sums(&[j], &all)).collect();
        let total = with_total.iter().sum();
        let negligible = 1e-12 * covariances.size_of(&all);
        Block { covariances, with_total, total, negligible }
    }

    fn variances(&self) -> Vec<f64> {
        (0..self.covariances.order()).map(|j| self.covariances.variance(j)).collect()
    }

    /// Variance of the sum of all items but `j`.
    fn rest(&self, j: usize) -> f64 {
        self.total - 2.0 * self.with_total[j] + self.covariances.variance(j)
    }

    fn is_zero(&self, variance: f64) -> bool {
        variance <= self.negligible
    }

    /// Mean correlation between different items; `None` when an item is constant.
    fn mean_correlation(&self) -> Option<f64> {
        let k = self.covariances.order();
        let pairs = (0..k).flat_map(|i| (0..i).map(move |j| (i, j)));
        let varies = !self.covariances.has_constant();
        let sum = || pairs.map(|(i, j)| self.covariances.correlation(i, j)).sum::<f64>();
        varies.then(|| sum() / (k * (k - 1) / 2) as f64)
    }
}

fn diagnose(result: &mut Alpha, c: &Block, confidence: f64) {
    let k = result.k as f64;
    let variances = c.variances();
    let sum: f64 = variances.iter().sum();
    result.item_means = Some(c.covariances.means.clone());
    if c.is_zero(c.total) {
        result.item_variances = Some(variances);
        result.total_variance = Some(0.0);
        result.reason = Some(Reason::ZeroVariance);
        return;
    }
    let alpha = coefficient(k, sum, c.total);
    let (df1, tail) = (result.n as f64 - 1.0, (1.0 - confidence) / 2.0);
    let df2 = df1 * (k - 1.0);
    // The upper quantile of F is the inverse of the lower one with exchanged degrees.
    let upper = 1.0 / f_quantile(tail, df2, df1);
    result.ci_low = Some(1.0 - (1.0 - alpha) * upper);
    result.ci_high = Some(1.0 - (1.0 - alpha) * f_quantile(tail, df1, df2));
    result.alpha = Some(alpha);
    result.grade = Some(Grade::of(alpha));
    let standardised = c.mean_correlation().map(|r| (k * r, 1.0 + (k - 1.0) * r));
    result.std_alpha = standardised.filter(|(_, below)| *below > 1e-12).map(|(top, b)| top / b);
    let each = 0..result.k;
    let item_total = |j: usize| {
        let (item, rest) = (variances[j], c.rest(j));
        let r = (c.with_total[j] - item) / item.sqrt() / rest.sqrt();
        (item > 0.0 && !c.is_zero(rest)).then_some(r.clamp(-1.0, 1.0))
    };
    let without = |j: usize| {
        let rest = c.rest(j);
        let alpha = coefficient(k - 1.0, sum - variances[j], rest);
        (result.k > 2 && !c.is_zero(rest)).then_some(alpha)
    };
    let item_total_r: Vec<_> = each.clone().map(item_total).collect();
    let without: Vec<_> = each.map(without).collect();
    let flat = result.std_alpha.is_none() || item_total_r.contains(&None);
    result.reason = match result.k {
        _ if flat => Some(Reason::ZeroVariance),
        2 => Some(Reason::TooFewItems),
        _ => without.contains(&None).then_some(Reason::ZeroVariance),
    };
    result.item_total_r = Some(item_total_r);
    result.alpha_if_deleted = Some(without);
    result.item_variances = Some(variances);
    result.total_variance = Some(c.total);
}

fn coefficient(k: f64, sum_item_variances: f64, total_variance: f64) -> f64 {
    k / (k - 1.0) * (1.0 - sum_item_variances / total_variance)
}

/// Alpha from a published table of variances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlphaSummary {
    /// Items.
    pub k: usize,
    /// Sum of the variances of the items.
    pub sum_item_variances: f64,
    /// Alpha; may be negative.
    pub alpha: Option<f64>,
    /// Band of alpha.
    pub grade: Option<Grade>,
    /// Why alpha is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Cronbach's alpha from the variances of the items and of their sum.
///
/// Formula: as [`alpha`]. Source: Cronbach (1951).
///
/// Edge cases: fewer than two items: `too_few_items`; total variance 0: `zero_variance`.
///
/// Errors: a negative variance.
pub fn alpha_summary(item_variances: &[f64], total_variance: f64) -> Result<AlphaSummary> {
    if let Some(j) = item_variances.iter().position(|v| *v < 0.0) {
        return Err(Invalid::new(format!("item_variances[{j}]"), "must not be negative"));
    }
    if total_variance < 0.0 {
        return Err(Invalid::new("total_variance", "must not be negative"));
    }
    let k = item_variances.len();
    let sum_item_variances = item_variances.iter().sum();
    let alpha = coefficient(k as f64, sum_item_variances, total_variance);
    let reason = match k {
        0 | 1 => Some(Reason::TooFewItems),
        // A quotient beyond the range of a double has a total that is 0 in all but name.
        _ if total_variance == 0.0 || !alpha.is_finite() => Some(Reason::ZeroVariance),
        _ => None,
    };
    let alpha = reason.is_none().then_some(alpha);
    Ok(AlphaSummary { k, sum_item_variances, alpha, grade: alpha.map(Grade::of), reason })
}
