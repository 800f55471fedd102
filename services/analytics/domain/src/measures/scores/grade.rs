//! Score of grades through a table of points, and the counter device that collects them.

use serde::Serialize;

use super::summary::shortage;
use crate::intervals::{mean_interval_from_counts, wilson};
use crate::measures::reason::{Invalid, Reason, Result};

/// Points of the five grades, worst first, where nothing else is agreed.
pub const GRADE_MAP: [f64; 5] = [0.0, 40.0, 60.0, 80.0, 100.0];

/// Score of grades in points of the map; shares in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GradeScore {
    /// Grades given.
    pub n: usize,
    /// Rows without a grade.
    pub n_missing: usize,
    /// Grades per step, worst first.
    pub counts: Vec<u64>,
    /// Mean points.
    pub score: Option<f64>,
    /// Share of the two top grades (满意率).
    pub satisfied_share: Option<f64>,
    /// Lower end of its Wilson interval.
    pub satisfied_low: Option<f64>,
    /// Upper end.
    pub satisfied_high: Option<f64>,
    /// Share of the two bottom grades.
    pub dissatisfied_share: Option<f64>,
    /// Standard deviation of the points.
    pub sd: Option<f64>,
    /// Standard error of the score.
    pub se: Option<f64>,
    /// Lower end of the t interval of the score; it may lie off the map.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Mean points of grades 1..K and the satisfied share.
///
/// Formula: points map\[g-1\], mean with t interval; satisfied: the two top grades, with Wilson's
/// interval; dissatisfied: the two bottom grades. The map belongs to the survey:
/// 0/40/60/80/100 by default, and never exchanged for another silently.
///
/// Source: the five-grade scale of Chinese satisfaction surveys; Wilson (1927).
///
/// Edge cases: no grades: `no_data`; one grade: no spread, `n_too_small`.
///
/// Errors: a grade that is no whole number from 1 to K; a map with fewer than two grades.
pub fn grade_score(grades: &[Option<f64>], map: &[f64], confidence: f64) -> Result<GradeScore> {
    check_map(map)?;
    let mut counts = vec![0u64; map.len()];
    for (i, grade) in grades.iter().enumerate() {
        let Some(grade) = grade else { continue };
        if grade.fract() != 0.0 || *grade < 1.0 || *grade > map.len() as f64 {
            let problem = format!("must be a whole number from 1 to {} or null", map.len());
            return Err(Invalid::new(format!("grades[{i}]"), problem));
        }
        counts[*grade as usize - 1] += 1;
    }
    let points: Vec<_> = map.iter().copied().zip(counts.iter().copied()).collect();
    let mean = mean_interval_from_counts(&points, confidence);
    let (satisfied, dissatisfied) = ends(&counts);
    let interval = wilson(satisfied, mean.n, confidence);
    let n = mean.n as usize;
    let share = |part: u64| (n > 0).then(|| part as f64 / n as f64);
    Ok(GradeScore {
        n,
        n_missing: grades.len() - n,
        counts,
        score: mean.mean,
        satisfied_share: share(satisfied),
        satisfied_low: interval.map(|i| i.low),
        satisfied_high: interval.map(|i| i.high),
        dissatisfied_share: share(dissatisfied),
        sd: mean.sd,
        se: mean.sd.map(|sd| sd / (n as f64).sqrt()),
        ci_low: mean.interval.map(|i| i.low),
        ci_high: mean.interval.map(|i| i.high),
        reason: shortage(n),
    })
}

/// Rates of a counter press device (评价器), in \[0, 1\]; the score in points of the map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counter {
    /// Presses.
    pub evaluated: u64,
    /// Presses ÷ customers served.
    pub participation: Option<f64>,
    /// Share of the two top grades.
    pub satisfied_rate: Option<f64>,
    /// Share of the two bottom grades.
    pub dissatisfied_rate: Option<f64>,
    /// Mean points.
    pub score: Option<f64>,
    /// Share of the two top grades when time-outs count as satisfied.
    pub satisfied_rate_incl_default: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Participation, satisfied and dissatisfied rate and score of a counter press device.
///
/// Formula, with Σ the presses: participation Σ/served, satisfied top two/Σ, dissatisfied bottom
/// two/Σ, score Σmap·counts/Σ. `defaulted` services, recorded as satisfied after a time-out, are
/// in no rate but satisfied_rate_incl_default = (top two + defaulted)/(Σ + defaulted).
///
/// Source: definition.
///
/// Edge cases: no presses: rates `None`, `no_data`; nobody served: participation `None`.
///
/// Errors: more presses and time-outs than services; counts and map of different length.
pub fn counter(served: u64, counts: &[u64], defaulted: u64, map: &[f64]) -> Result<Counter> {
    check_map(map)?;
    if counts.len() != map.len() {
        let problem = format!("must have {} entries, one per grade of the map", map.len());
        return Err(Invalid::new("counts", problem));
    }
    let evaluated = counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
    if evaluated.saturating_add(defaulted) > served {
        return Err(Invalid::new("served", "must not be less than all counts and defaulted"));
    }
    let (satisfied, dissatisfied) = ends(counts);
    let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let points: f64 = map.iter().zip(counts).map(|(points, count)| points * *count as f64).sum();
    Ok(Counter {
        evaluated,
        participation: ratio(evaluated, served),
        satisfied_rate: ratio(satisfied, evaluated),
        dissatisfied_rate: ratio(dissatisfied, evaluated),
        score: (evaluated > 0).then(|| points / evaluated as f64),
        satisfied_rate_incl_default: ratio(satisfied + defaulted, evaluated + defaulted),
        reason: (evaluated == 0).then_some(Reason::NoData),
    })
}

/// Number of the two top and of the two bottom grades.
fn ends(counts: &[u64]) -> (u64, u64) {
    (counts.iter().rev().take(2).sum(), counts.iter().take(2).sum())
}

fn check_map(map: &[f64]) -> Result<()> {
    if map.len() < 2 {
        return Err(Invalid::new("grade_map", "must have at least two grades"));
    }
    Ok(())
}
