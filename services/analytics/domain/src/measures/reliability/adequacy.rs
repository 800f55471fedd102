//! Whether the correlations of a block are worth a factor analysis, and how many factors they
//! suggest.

use serde::Serialize;

use super::block::covariances;
use crate::measures::covariance::Covariances;
use crate::measures::distributions::chi_square_upper;
use crate::measures::linear::Symmetric;
use crate::measures::reason::{Invalid, Reason, Result};

/// ln of the smallest determinant of a correlation matrix that counts as regular, 1e-14.
const LN_DETERMINANT_MIN: f64 = -32.236_191_301_916_64;
/// Eigenvalues take a multiple of the cube of this.
const ITEMS_MAX: usize = 300;
/// An eigenvalue is above 1 if it is by more than a rounding error.
const KAISER_ROUNDING: f64 = 1e-12;

/// Sampling adequacy of a block of items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Adequacy {
    /// Respondents with all answers.
    pub n: usize,
    /// Kaiser-Meyer-Olkin measure, in \[0, 1\].
    pub kmo: Option<f64>,
    /// The measure of each item; `None` for one without any correlation.
    pub msa: Option<Vec<Option<f64>>>,
    /// Bartlett's test of sphericity.
    pub chi2: Option<f64>,
    /// Degrees of freedom, k(k-1)/2.
    pub df: usize,
    /// Its p-value: small when the items are correlated at all.
    pub p: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Kaiser-Meyer-Olkin measure and Bartlett's test; rows with a missing answer are left out.
///
/// Formula: partial correlations p_ij = -q_ij/√(q_ii·q_jj) of Q = R⁻¹; msa_i = Σr²/(Σr² + Σp²)
/// over j ≠ i, kmo the same over all pairs; χ² = -(n - 1 - (2k+5)/6)·ln det R.
///
/// Source: Kaiser (1974); Bartlett (1950).
///
/// Edge cases: fewer than two items: `too_few_items`; fewer than two complete rows:
/// `n_too_small`; a constant item: `zero_variance`; det R below 1e-14 or no inverse:
/// `singular`; no correlation at all: `zero_denominator`. Two items have kmo 0.5.
///
/// Errors: as [`super::alpha::alpha`]; more than 300 items.
pub fn kmo_bartlett(items: &[Vec<Option<f64>>]) -> Result<Adequacy> {
    let covariances = limited(items)?;
    let (n, k) = (covariances.n, covariances.order());
    let df = k * k.saturating_sub(1) / 2;
    let mut result = Adequacy { n, kmo: None, msa: None, chi2: None, df, p: None, reason: None };
    let factor = correlations(&covariances, 2).and_then(|r| {
        let factor = r.cholesky().ok_or(Reason::Singular)?;
        let regular = factor.ln_determinant() >= LN_DETERMINANT_MIN;
        if regular { Ok((r, factor)) } else { Err(Reason::Singular) }
    });
    let (r, factor) = match factor {
        Ok(found) => found,
        Err(reason) => return Ok(Adequacy { reason: Some(reason), ..result }),
    };
    let multiplier = n as f64 - 1.0 - (2.0 * k as f64 + 5.0) / 6.0;
    let chi2 = -multiplier * factor.ln_determinant();
    result.chi2 = Some(chi2);
    result.p = Some(chi_square_upper(chi2, df as f64));
    let (kmo, msa) = adequacy(&r, &factor.inverse());
    result.kmo = kmo;
    let missing = kmo.is_none() || msa.iter().any(Option::is_none);
    result.msa = Some(msa);
    result.reason = missing.then_some(Reason::ZeroDenominator);
    Ok(result)
}

/// The measure over all pairs, and of each item.
fn adequacy(r: &Symmetric, q: &Symmetric) -> (Option<f64>, Vec<Option<f64>>) {
    let k = r.order();
    if k == 2 {
        // The partial correlation of two items is their correlation.
        return (Some(0.5), vec![Some(0.5); 2]);
    }
    let share =
        |(plain, partial): (f64, f64)| (plain + partial > 0.0).then(|| plain / (plain + partial));
    let sums = (0..k).map(|i| {
        let others = (0..k).filter(|&j| j != i);
        others.fold((0.0, 0.0), |(plain, partial), j| {
            let p = q.at(i, j) * q.at(i, j) / q.at(i, i) / q.at(j, j);
            (plain + r.at(i, j) * r.at(i, j), partial + p)
        })
    });
    let sums: Vec<(f64, f64)> = sums.collect();
    let all = sums.iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    (share(all), sums.into_iter().map(share).collect())
}

fn limited(items: &[Vec<Option<f64>>]) -> Result<Covariances> {
    if items.first().is_some_and(|row| row.len() > ITEMS_MAX) {
        return Err(Invalid::new("items", "must have at most 300 columns"));
    }
    covariances(items)
}

/// The correlations of at least `items_min` items.
fn correlations(c: &Covariances, items_min: usize) -> std::result::Result<Symmetric, Reason> {
    match (c.order(), c.n) {
        (k, _) if k < items_min => Err(Reason::TooFewItems),
        (_, 0 | 1) => Err(Reason::NTooSmall),
        _ => c.correlations().ok_or(Reason::ZeroVariance),
    }
}

/// Eigenvalues of the correlations of a block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Eigenvalues {
    /// Respondents with all answers.
    pub n: usize,
    /// In descending order; they add up to the number of items.
    pub eigenvalues: Option<Vec<f64>>,
    /// Share of the variance of all items that each stands for.
    pub variance_explained: Option<Vec<f64>>,
    /// Eigenvalues above 1.
    pub n_kaiser: Option<usize>,
    /// Why they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Eigenvalues of the correlation matrix; rows with a missing answer are left out.
///
/// Formula: λ of R, largest first; share λ/k; Kaiser's count of λ > 1.
///
/// Source: Kaiser (1960).
///
/// Edge cases: no item: `too_few_items`; fewer than two complete rows: `n_too_small`; a constant
/// item: `zero_variance`. A singular matrix has eigenvalues 0.
///
/// Errors: as [`super::alpha::alpha`]; more than 300 items.
pub fn eigenvalues(items: &[Vec<Option<f64>>]) -> Result<Eigenvalues> {
    let covariances = limited(items)?;
    let n = covariances.n;
    let found = correlations(&covariances, 1)
        .and_then(|r| Ok(r.eigen().ok_or(Reason::NotConverged)?.values));
    Ok(match found {
        Ok(values) => {
            // A correlation matrix has no negative eigenvalue.
            let values: Vec<f64> = values.iter().map(|value| value.max(0.0)).collect();
            let k = values.len() as f64;
            Eigenvalues {
                n,
                n_kaiser: Some(values.iter().filter(|v| **v > 1.0 + KAISER_ROUNDING).count()),
                variance_explained: Some(values.iter().map(|value| value / k).collect()),
                eigenvalues: Some(values),
                reason: None,
            }
        }
        Err(reason) => Eigenvalues {
            n,
            eigenvalues: None,
            variance_explained: None,
            n_kaiser: None,
            reason: Some(reason),
        },
    })
}
