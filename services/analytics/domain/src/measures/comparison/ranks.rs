//! Ordinal samples: two by Mann-Whitney, several by Kruskal-Wallis, pairs of those by Dunn.

use serde::Serialize;

use super::adjust::{Correction, adjust};
use super::pairs;
use crate::measures::distributions::{chi_square_upper, normal_two_sided};
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{present, ranks};

/// An exact distribution is counted up to this product of the two sizes.
const EXACT_MAX: usize = 10_000;

/// How the p-value of Mann-Whitney's test is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankTest {
    /// Normal approximation with correction for continuity and ties.
    Asymptotic,
    /// By counting; only without ties.
    Exact,
}

/// Comparison of two ordinal samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MannWhitney {
    /// Pairs in which a is larger, ties counting one half.
    pub u: Option<f64>,
    /// P(a > b) + ½P(a = b), in \[0, 1\].
    pub cles: Option<f64>,
    /// 2·cles - 1, in \[-1, 1\].
    pub rank_biserial: Option<f64>,
    /// z of the normal approximation, never negative; only for [`RankTest::Asymptotic`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z: Option<Option<f64>>,
    /// Two-sided p-value.
    pub p: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Mann-Whitney's U test; missing values are left out.
///
/// Formula: U = R_a - n_a(n_a+1)/2 with mid-ranks; asymptotic z = (max(U, n_a·n_b - U) -
/// n_a·n_b/2 - ½)/σ, at least 0, σ² = n_a·n_b/12·[N+1 - Σ(t³-t)/(N(N-1))]; exact
/// 2·P(U ≥ max(U, n_a·n_b - U)), at most 1.
///
/// Source: Mann & Whitney (1947).
///
/// Edge cases: an empty side: `no_data`; all values equal: `zero_variance`; exact with ties:
/// `ties_present`.
///
/// Errors: exact with n_a·n_b above 10,000.
pub fn mann_whitney(a: &[Option<f64>], b: &[Option<f64>], test: RankTest) -> Result<MannWhitney> {
    let (a, b) = (present(a), present(b));
    let asymptotic = test == RankTest::Asymptotic;
    let pairs = a.len() as f64 * b.len() as f64;
    if pairs == 0.0 {
        let z = asymptotic.then_some(None);
        let reason = Some(Reason::NoData);
        return Ok(MannWhitney { u: None, cles: None, rank_biserial: None, z, p: None, reason });
    }
    if !asymptotic && pairs > EXACT_MAX as f64 {
        let problem = "can be exact only for up to 10,000 pairs of values; use asymptotic";
        return Err(Invalid::new("method", problem));
    }
    let all: Vec<f64> = a.iter().chain(&b).copied().collect();
    let (ranks, ties) = ranks(&all);
    let (n_a, n) = (a.len() as f64, all.len() as f64);
    let u = ranks[..a.len()].iter().sum::<f64>() - n_a * (n_a + 1.0) / 2.0;
    let larger = u.max(pairs - u);
    let constant = ties == n * n * n - n;
    let variance = pairs / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)));
    let z = ((larger - pairs / 2.0 - 0.5) / variance.sqrt()).max(0.0);
    let reason = match test {
        _ if constant => Some(Reason::ZeroVariance),
        RankTest::Exact if ties > 0.0 => Some(Reason::TiesPresent),
        _ => None,
    };
    let p = || match test {
        RankTest::Asymptotic => normal_two_sided(z),
        RankTest::Exact => (2.0 * exact_upper(a.len(), b.len(), larger)).min(1.0),
    };
    Ok(MannWhitney {
        u: Some(u),
        cles: Some(u / pairs),
        rank_biserial: Some(2.0 * u / pairs - 1.0),
        z: asymptotic.then_some((!constant).then_some(z)),
        p: reason.is_none().then(p),
        reason,
    })
}

/// P(U ≥ `u`) for samples of `n_a` and `n_b` values without ties.
fn exact_upper(n_a: usize, n_b: usize, u: f64) -> f64 {
    // Row by row of P(a, b, u): the largest value of all belongs to a with chance a/(a+b), and
    // then it is above all of b.
    let mut below: Vec<Vec<f64>> = vec![vec![1.0]; n_b + 1];
    for a in 1..=n_a {
        let mut row = vec![vec![1.0]];
        for b in 1..=n_b {
            let share = a as f64 / (a + b) as f64;
            let mut chances = vec![0.0; a * b + 1];
            for (u, chance) in below[b].iter().enumerate() {
                chances[u + b] += share * chance;
            }
            for (u, chance) in row[b - 1].iter().enumerate() {
                chances[u] += (1.0 - share) * chance;
            }
            row.push(chances);
        }
        below = row;
    }
    below[n_b].iter().skip(u as usize).sum()
}

/// Ranks of several groups taken together.
struct RankedGroups {
    /// Size and mean rank of each group.
    groups: Vec<(f64, f64)>,
    n: f64,
    /// Σ(t³ - t) over ties.
    ties: f64,
}

impl RankedGroups {
    /// The reason says why the groups cannot be compared.
    fn of(groups: &[Vec<Option<f64>>]) -> std::result::Result<RankedGroups, Reason> {
        let groups: Vec<Vec<f64>> = groups.iter().map(|group| present(group)).collect();
        if groups.len() < 2 || groups.iter().any(Vec::is_empty) {
            return Err(Reason::NTooSmall);
        }
        let all: Vec<f64> = groups.iter().flatten().copied().collect();
        let (ranks, ties) = ranks(&all);
        let n = all.len() as f64;
        if ties == n * n * n - n {
            return Err(Reason::ZeroVariance);
        }
        let mut rest = ranks.as_slice();
        let means = groups.iter().map(|group| {
            let (own, others) = rest.split_at(group.len());
            rest = others;
            (own.len() as f64, own.iter().sum::<f64>() / own.len() as f64)
        });
        Ok(RankedGroups { groups: means.collect(), n, ties })
    }

    /// Variance of the ranks times N/(N - 1).
    fn variance(&self) -> f64 {
        self.n * (self.n + 1.0) / 12.0 - self.ties / (12.0 * (self.n - 1.0))
    }
}

/// Comparison of several ordinal samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kruskal {
    /// Kruskal-Wallis' H, corrected for ties.
    pub h: Option<f64>,
    /// Groups minus 1.
    pub df: usize,
    /// p-value from χ².
    pub p: Option<f64>,
    /// H/(N - 1), the share of the variance of the ranks between groups, in \[0, 1\].
    pub epsilon_sq: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Kruskal-Wallis' test of several groups; missing values are left out.
///
/// Formula: H = Σ n_i(R̄_i - R̄)²/s², s² the variance of all mid-ranks with N - 1.
///
/// Source: Kruskal & Wallis (1952).
///
/// Edge cases: fewer than two groups or an empty one: `n_too_small`; all values equal:
/// `zero_variance`.
pub fn kruskal(groups: &[Vec<Option<f64>>]) -> Kruskal {
    let df = groups.len().saturating_sub(1);
    let ranked = match RankedGroups::of(groups) {
        Ok(ranked) => ranked,
        Err(reason) => {
            return Kruskal { h: None, df, p: None, epsilon_sq: None, reason: Some(reason) };
        }
    };
    let middle = (ranked.n + 1.0) / 2.0;
    let between: f64 = ranked.groups.iter().map(|(n, mean)| n * (mean - middle).powi(2)).sum();
    let h = between / ranked.variance();
    Kruskal {
        h: Some(h),
        df,
        p: Some(chi_square_upper(h, df as f64)),
        epsilon_sq: Some(h / (ranked.n - 1.0)),
        reason: None,
    }
}

/// A pair of groups in Dunn's test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DunnPair {
    /// Position of the first group, from 0.
    pub a: usize,
    /// Position of the second group.
    pub b: usize,
    /// Difference of mean ranks in standard errors.
    pub z: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// The same corrected for the number of pairs.
    pub p_adj: Option<f64>,
}

/// All pairs of groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dunn {
    /// Pairs in the order (0,1), (0,2), …, (1,2), …
    pub pairs: Option<Vec<DunnPair>>,
    /// Why the pairs are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Dunn's comparison of every pair of groups by the ranks of all groups together.
///
/// Formula: z = (R̄_a - R̄_b)/√{[N(N+1)/12 - Σ(t³-t)/(12(N-1))](1/n_a + 1/n_b)}.
///
/// Source: Dunn (1964).
///
/// Edge cases: as [`kruskal`], with the pairs missing.
///
/// Errors: more than 200 groups.
pub fn dunn(groups: &[Vec<Option<f64>>], how: Correction) -> Result<Dunn> {
    let pairs = pairs(groups.len())?;
    let ranked = match RankedGroups::of(groups) {
        Ok(ranked) => ranked,
        Err(reason) => return Ok(Dunn { pairs: None, reason: Some(reason) }),
    };
    let mut found: Vec<DunnPair> = pairs
        .map(|(a, b)| {
            let ((n_a, mean_a), (n_b, mean_b)) = (ranked.groups[a], ranked.groups[b]);
            let se = (ranked.variance() * (1.0 / n_a + 1.0 / n_b)).sqrt();
            let z = (mean_a - mean_b) / se;
            DunnPair { a, b, z, p: normal_two_sided(z), p_adj: None }
        })
        .collect();
    let p_values: Vec<_> = found.iter().map(|pair| Some(pair.p)).collect();
    for (pair, p_adj) in found.iter_mut().zip(adjust(&p_values, how)) {
        pair.p_adj = p_adj;
    }
    Ok(Dunn { pairs: Some(found), reason: None })
}
