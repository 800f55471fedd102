//! How many answers a statement needs, and what a number of answers can state.

use serde::Serialize;

use crate::measures::bounds::{is_amount, is_positive, is_share};
use crate::measures::distributions::normal_critical;
use crate::measures::reason::{Invalid, Reason, Result};

/// Rounding up ignores so much.
const SLACK: f64 = 1e-9;
/// Largest sample; above it a count is no longer exact as a double.
const SAMPLE_MAX: f64 = 1e15;

/// What is asked of a sample for a share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharePlan {
    /// Half the width of the interval, as a share; above 0.
    pub margin: f64,
    /// The share expected, in \[0, 1\]; 0.5 is the most demanding.
    pub p: f64,
    /// How many there are; `None` when there are very many.
    pub population: Option<u64>,
    /// How much the design inflates the variance; above 0, 1 for a simple random sample.
    pub design_effect: f64,
    /// Share of the invited who will answer, in (0, 1\].
    pub response_rate: f64,
    /// Least number of answers.
    pub min_n: u64,
}

/// A sample for a share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareSample {
    /// Answers needed from a population without end.
    pub n0: f64,
    /// Answers needed from this population, before rounding.
    pub n_exact: f64,
    /// Answers needed.
    pub n: u64,
    /// Invitations needed.
    pub invites: u64,
}

/// Answers needed so that the interval of a share is at most ± `margin`.
///
/// Formula: n0 = z²·p(1-p)/margin²·deff; of a population N n0/(1 + (n0-1)/N); rounded up, at
/// least `min_n`, at most N; invitations n ÷ response rate rounded up. z is the full quantile.
///
/// Source: Cochran (1977); Kish (1965) for the design effect.
///
/// Edge cases: N = 0: 0 answers.
///
/// Errors: margin or design effect not above 0, p outside \[0, 1\], response rate outside (0, 1\],
/// a sample above 1e15.
pub fn for_share(plan: SharePlan, confidence: f64) -> Result<ShareSample> {
    check_margin(plan.margin)?;
    check_share("p", plan.p)?;
    if !is_positive(plan.design_effect) {
        return Err(Invalid::new("deff", "must be above 0"));
    }
    if !is_positive(plan.response_rate) || !is_share(plan.response_rate) {
        return Err(Invalid::new("response_rate", "must be above 0 and at most 1"));
    }
    let z = normal_critical(confidence);
    let n0 = (z / plan.margin).powi(2) * plan.p * (1.0 - plan.p) * plan.design_effect;
    let n_exact = match plan.population {
        Some(0) => 0.0,
        // Of a population of one the correction would divide by n0 itself.
        Some(_) if n0 == 0.0 => 0.0,
        Some(population) => n0 / (1.0 + (n0 - 1.0) / population as f64),
        None => n0,
    };
    let n = whole(n_exact, plan.min_n, plan.population)?;
    let invites = (n as f64 / plan.response_rate - SLACK).ceil();
    if n0 > SAMPLE_MAX || invites > SAMPLE_MAX {
        return Err(too_large());
    }
    Ok(ShareSample { n0, n_exact, n, invites: invites as u64 })
}

/// What is asked of a sample for a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanPlan {
    /// Half the width of the interval, in the unit of the scores; above 0.
    pub margin: f64,
    /// Standard deviation expected; not negative.
    pub sd: f64,
    /// How many there are; `None` when there are very many.
    pub population: Option<u64>,
    /// Least number of answers.
    pub min_n: u64,
}

/// A sample for a mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanSample {
    /// Answers needed from a population without end.
    pub n0: f64,
    /// Answers needed from this population, before rounding.
    pub n_exact: f64,
    /// Answers needed.
    pub n: u64,
}

/// Answers needed so that the interval of a mean is at most ± `margin`.
///
/// Formula: n0 = (z·sd/margin)²; of a population N n0/(1 + n0/N); rounded up, at least `min_n`,
/// at most N.
///
/// Source: Cochran (1977).
///
/// Edge cases: N = 0: 0 answers.
///
/// Errors: margin not above 0, a negative sd, a sample above 1e15.
pub fn for_mean(plan: MeanPlan, confidence: f64) -> Result<MeanSample> {
    check_margin(plan.margin)?;
    if !is_amount(plan.sd) {
        return Err(Invalid::new("sd", "must not be negative"));
    }
    let n0 = (normal_critical(confidence) * plan.sd / plan.margin).powi(2);
    let n_exact = match plan.population {
        Some(0) => 0.0,
        Some(population) => n0 / (1.0 + n0 / population as f64),
        None => n0,
    };
    let n = whole(n_exact, plan.min_n, plan.population)?;
    if n0 <= SAMPLE_MAX { Ok(MeanSample { n0, n_exact, n }) } else { Err(too_large()) }
}

/// The margin of a share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Margin {
    /// Half the width of the interval, as a share.
    pub margin: Option<f64>,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Margin of error of a share `p` found with `n` answers.
///
/// Formula: z·√\[p(1-p)/n·(N-n)/(N-1)\].
///
/// Source: Cochran (1977).
///
/// Edge cases: n = 0: `no_data`; everybody answered: 0.
///
/// Errors: p outside \[0, 1\], more answers than the population.
pub fn margin(n: u64, p: f64, population: Option<u64>, confidence: f64) -> Result<Margin> {
    check_share("p", p)?;
    if population.is_some_and(|population| population < n) {
        return Err(Invalid::new("n", "must not be larger than the population"));
    }
    if n == 0 {
        return Ok(Margin { margin: None, reason: Some(Reason::NoData) });
    }
    let left = match population {
        None => 1.0,
        Some(population) if population == n => 0.0,
        Some(population) => (population - n) as f64 / (population - 1) as f64,
    };
    let margin = normal_critical(confidence) * (p * (1.0 - p) / n as f64 * left).sqrt();
    Ok(Margin { margin: Some(margin), reason: None })
}

/// Rounded up, at least `min_n`, at most the population.
fn whole(n: f64, min_n: u64, population: Option<u64>) -> Result<u64> {
    if n > SAMPLE_MAX {
        return Err(too_large());
    }
    let n = ((n - SLACK).ceil().max(0.0) as u64).max(min_n);
    Ok(population.map_or(n, |population| n.min(population)))
}

fn too_large() -> Invalid {
    Invalid::new("margin", "is too small: the sample would be larger than 1e15")
}

fn check_margin(margin: f64) -> Result<()> {
    if is_positive(margin) { Ok(()) } else { Err(Invalid::new("margin", "must be above 0")) }
}

fn check_share(name: &str, share: f64) -> Result<()> {
    if is_share(share) { Ok(()) } else { Err(Invalid::new(name, "must lie between 0 and 1")) }
}
