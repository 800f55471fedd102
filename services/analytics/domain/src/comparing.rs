//! Comparing units fairly: shared ranks, funnel limits, proposed targets, and the test for
//! customers who were not asked.

use std::collections::BTreeMap;

use crate::measures::{
    comparison::adjust::{Correction, adjust},
    distributions::{normal_critical, normal_two_sided},
    sample::quantile,
};

/// Ranks of values sorted from the best, 1 the best. Neighbours whose difference could be
/// chance share a rank: their p-values, corrected by Holm for all neighbours, are above `alpha`.
pub fn shared_ranks(sorted: &[(f64, f64)], alpha: f64) -> Vec<usize> {
    let p = |pair: &[(f64, f64)]| {
        let error = (pair[0].1 * pair[0].1 + pair[1].1 * pair[1].1).sqrt();
        let difference = pair[0].0 - pair[1].0;
        Some(if error > 0.0 {
            normal_two_sided(difference / error)
        } else if difference > 0.0 {
            0.0
        } else {
            1.0
        })
    };
    let p_values: Vec<Option<f64>> = sorted.windows(2).map(p).collect();
    let adjusted = adjust(&p_values, Correction::Holm);
    let mut ranks = Vec::with_capacity(sorted.len());
    for place in 0..sorted.len() {
        let apart = place == 0 || adjusted[place - 1].is_some_and(|p| p <= alpha);
        ranks.push(if apart { place + 1 } else { ranks[place - 1] });
    }
    ranks
}

/// A funnel: a centre, and how much wider than chance units differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Funnel {
    /// Share of all units together.
    pub center: f64,
    /// Observed ÷ expected spread, at least 1.
    pub overdispersion: f64,
}

impl Funnel {
    /// Of successes and sizes; `None` without answers. The spread is the mean of z² with the
    /// most extreme tenth at each end drawn in, so that outliers do not hide themselves
    /// (Spiegelhalter 2005).
    pub fn of(units: &[(u64, u64)]) -> Option<Self> {
        let (x, n) = units.iter().fold((0, 0), |(x, n), unit| (x + unit.0, n + unit.1));
        if n == 0 {
            return None;
        }
        let plain = Self { center: x as f64 / n as f64, overdispersion: 1.0 };
        let mut z: Vec<f64> = units.iter().filter_map(|(x, n)| plain.z(*x, *n)).collect();
        if z.len() < 3 {
            return Some(plain);
        }
        z.sort_by(f64::total_cmp);
        let (low, high) = (quantile(&z, 0.1), quantile(&z, 0.9));
        let spread = z.iter().map(|z| z.clamp(low, high).powi(2)).sum::<f64>() / z.len() as f64;
        Some(Self { overdispersion: spread.max(1.0), ..plain })
    }

    /// Standardised distance of a unit; `None` without answers or where all agree.
    pub fn z(&self, x: u64, n: u64) -> Option<f64> {
        let error = self.error(n)?;
        Some((x as f64 / n as f64 - self.center) / error)
    }

    fn error(&self, n: u64) -> Option<f64> {
        let variance = self.center * (1.0 - self.center) * self.overdispersion;
        (n > 0 && variance > 0.0).then(|| (variance / n as f64).sqrt())
    }

    /// Limits at a number of answers and a confidence, within 0 and 1.
    pub fn limits(&self, n: u64, confidence: f64) -> (f64, f64) {
        let half = self.error(n).map_or(0.0, |error| normal_critical(confidence) * error);
        ((self.center - half).max(0.0), (self.center + half).min(1.0))
    }

    /// -2 below the 99.8 % limit, -1 below the 95 % limit, 0 within, 1 and 2 above.
    pub fn signal(&self, x: u64, n: u64) -> i32 {
        let Some(z) = self.z(x, n) else { return 0 };
        let (warn, act) = (normal_critical(0.95), normal_critical(0.998));
        let size = i32::from(z.abs() > warn) + i32::from(z.abs() > act);
        if z < 0.0 { -size } else { size }
    }
}

/// A target slightly above a level: the upper end of its interval, at least one point and at
/// most half the way to the best quarter of `peers` above it; never above 100.
pub fn proposed_target(level: f64, upper: f64, peers: &[f64]) -> f64 {
    let mut sorted = peers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let best = if sorted.is_empty() { level } else { quantile(&sorted, 0.75) };
    let step = (upper - level).max(1.0).min(((best - level) / 2.0).max(1.0));
    (level + step).min(100.0)
}

/// Services and questions of one member of staff and of others at the same work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stratum {
    /// Services of the member.
    pub served: u64,
    /// Customers that the member asked.
    pub prompted: u64,
    /// Services of the others.
    pub others_served: u64,
    /// Customers that they asked.
    pub others_prompted: u64,
}

/// Whether a member asked fewer customers than others did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Withholding {
    /// Customers that would have been asked if the member asked as the others do.
    pub expected: f64,
    /// Mantel-Haenszel odds ratio.
    pub odds_ratio: Option<f64>,
    /// One-sided p-value of asking so few.
    pub p_value: Option<f64>,
}

/// The Mantel-Haenszel test over strata of like work (same branch, business type and day).
///
/// Model: within a stratum, whether a customer is asked does not depend on who serves. Given
/// the margins the member's number is hypergeometric with mean n·m/N and variance
/// n(N-n)m(N-m)/(N²(N-1)); sums over strata are compared with the normal distribution, with a
/// continuity correction. What like work is decides the caller: strata may also hold the length of
/// services and earlier bad ratings alike. What else differs (kind of customers within a business
/// type) is not in the model: a flag is a reason to look, not a proof.
///
/// Source: Mantel & Haenszel (1959).
///
/// Edge cases: strata without others tell nothing; no variance: no p-value.
pub fn withholding(strata: &[Stratum]) -> Withholding {
    let (mut observed, mut expected, mut variance) = (0.0, 0.0, 0.0);
    let (mut above, mut below) = (0.0, 0.0);
    for s in strata.iter().filter(|s| s.served > 0 && s.others_served > 0) {
        let (n, a) = (s.served as f64, s.prompted.min(s.served) as f64);
        let (n2, c) = (s.others_served as f64, s.others_prompted.min(s.others_served) as f64);
        let (all, m) = (n + n2, a + c);
        observed += a;
        expected += n * m / all;
        variance += n * n2 * m * (all - m) / (all * all * (all - 1.0));
        above += a * (n2 - c) / all;
        below += (n - a) * c / all;
    }
    let p_value = (variance > 0.0).then(|| {
        let z = (observed - expected + 0.5) / variance.sqrt();
        let two = normal_two_sided(z);
        if z < 0.0 { two / 2.0 } else { 1.0 - two / 2.0 }
    });
    let odds_ratio = (below > 0.0).then(|| above / below);
    Withholding { expected, odds_ratio, p_value }
}

/// Key of a stratum: branch, business type, day.
type Work = (u128, String, i64);

/// Strata of each member from counts `(work, member) → (served, prompted)`.
pub fn strata(counts: &BTreeMap<(Work, u128), (u64, u64)>) -> BTreeMap<u128, Vec<Stratum>> {
    let mut totals: BTreeMap<&Work, (u64, u64)> = BTreeMap::new();
    for ((work, _), (served, prompted)) in counts {
        let total = totals.entry(work).or_default();
        *total = (total.0 + served, total.1 + prompted);
    }
    let mut found: BTreeMap<u128, Vec<Stratum>> = BTreeMap::new();
    for ((work, member), (served, prompted)) in counts {
        let (all, asked) = totals.get(work).copied().unwrap_or_default();
        found.entry(*member).or_default().push(Stratum {
            served: *served,
            prompted: *prompted,
            others_served: all - served,
            others_prompted: asked.saturating_sub(*prompted),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measures::resample::Generator;

    #[test]
    fn units_that_cannot_be_told_apart_share_a_rank() {
        let sorted = [(90.0, 1.0), (89.5, 1.0), (70.0, 1.0), (69.0, 5.0)];
        assert_eq!(shared_ranks(&sorted, 0.05), [1, 1, 3, 3]);
        assert_eq!(shared_ranks(&[(5.0, 0.0), (5.0, 0.0), (4.0, 0.0)], 0.05), [1, 1, 3]);
        assert_eq!(shared_ranks(&[], 0.05), [0; 0]);
    }

    #[test]
    fn a_funnel_is_wide_for_few_answers_and_signals_what_is_outside() {
        let mut units = vec![(90, 100); 20];
        units.push((60, 100));
        units.push((4, 5));
        let funnel = Funnel::of(&units).unwrap();
        assert_eq!(funnel.signal(60, 100), -2);
        assert_eq!(funnel.signal(4, 5), 0, "five answers say little");
        let (narrow, wide) = (funnel.limits(1000, 0.95), funnel.limits(10, 0.95));
        assert!(wide.0 < narrow.0 && wide.1 >= narrow.1);
        assert_eq!(Funnel::of(&[(0, 0)]), None);
        assert_eq!(Funnel::of(&[(5, 5), (7, 7)]).unwrap().signal(5, 5), 0);
    }

    #[test]
    fn proposed_targets_are_a_little_above_the_level() {
        assert_eq!(proposed_target(80.0, 83.0, &[70.0, 80.0, 90.0, 95.0]), 83.0);
        assert_eq!(proposed_target(95.0, 97.0, &[70.0, 80.0]), 96.0, "already the best");
        assert_eq!(proposed_target(99.8, 100.0, &[]), 100.0);
    }

    #[test]
    fn one_who_asks_half_as_often_is_found() {
        let half = Stratum { served: 100, prompted: 45, others_served: 400, others_prompted: 360 };
        let found = withholding(&[half; 3]);
        assert!(found.p_value.unwrap() < 1e-12 && found.odds_ratio.unwrap() < 0.2);
        let same = Stratum { prompted: 90, ..half };
        assert!(withholding(&[same; 3]).p_value.unwrap() > 0.4);
        let alone = Stratum { served: 10, prompted: 1, ..Stratum::default() };
        assert_eq!(withholding(&[alone]).p_value, None);
    }

    /// Share of simulated members, all of whom ask by the same rule, that are flagged at 5 %.
    #[test]
    fn honest_members_are_accused_no_more_often_than_the_level_says() {
        let (mut flagged, rounds) = (0, 4_000);
        for round in 0..rounds {
            let mut draw = Generator::new(11, round);
            let mut asks = |served: u64, rate: u64| {
                (0..served).filter(|_| draw.below(100) < rate).count() as u64
            };
            // Work differs much between days: only its strata make members comparable.
            let strata: Vec<Stratum> = [(12, 95), (3, 30), (20, 70), (7, 99)]
                .into_iter()
                .map(|(served, rate)| Stratum {
                    served,
                    prompted: asks(served, rate),
                    others_served: served * 4,
                    others_prompted: asks(served * 4, rate),
                })
                .collect();
            flagged += u64::from(withholding(&strata).p_value.is_some_and(|p| p <= 0.05));
        }
        let rate = flagged as f64 / rounds as f64;
        assert!(rate <= 0.05 + 3.0 * (0.05_f64 * 0.95 / rounds as f64).sqrt(), "{rate}");
        assert!(rate > 0.01, "the test is not blind either: {rate}");
    }

    /// Share of simulated branches, in which all members ask by the same rule, that see anybody
    /// flagged: the chance of any false accusation, which is what the level promises.
    #[test]
    fn the_chance_that_anybody_is_accused_falsely_is_kept_to_the_level() {
        let (mut accused, rounds, alpha) = (0, 2_000_u64, 0.05);
        for round in 0..rounds {
            let mut draw = Generator::new(29, round);
            let mut counts = BTreeMap::new();
            // Eight members on five days of work that differs; not everybody works every day.
            for (day, rate) in [90, 40, 97, 70, 15].into_iter().enumerate() {
                for member in
                    (0..8_u128).filter(|member| !(*member as usize + day).is_multiple_of(4))
                {
                    let served = 5 + draw.below(30);
                    let asked = (0..served).filter(|_| draw.below(100) < rate).count() as u64;
                    let work = (1, String::new(), day as i64);
                    counts.insert((work, member), (served, asked));
                }
            }
            let found = strata(&counts);
            let p: Vec<Option<f64>> = found.values().map(|one| withholding(one).p_value).collect();
            let adjusted = adjust(&p, Correction::Holm);
            accused += u64::from(adjusted.iter().flatten().any(|p| *p <= alpha));
        }
        let rate = accused as f64 / rounds as f64;
        assert!(rate <= alpha + 3.0 * (alpha * (1.0 - alpha) / rounds as f64).sqrt(), "{rate}");
        assert!(rate > 0.005, "the tests are not blind either: {rate}");
    }
}
