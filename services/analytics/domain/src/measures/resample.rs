//! Bootstrap over respondents for statistics that need no more than means and covariances.
//!
//! A resample is a count for each row, and its covariances are sums weighted by the counts: no
//! data are copied, and nothing is allocated per resample. Resample r draws from a generator of
//! its own, made of the seed and r, so that the result does not depend on the number of threads.

use std::num::NonZero;
use std::thread::{available_parallelism, scope};

use serde::Serialize;

use super::covariance::Covariances;
use super::reason::Reason;
use super::sample::{Moments, quantile};
use crate::stop;

/// Below this share of the spread in the data, a spread in a resample is a rounding error.
const SPREAD_MIN: f64 = 1e-12;
/// Share of the resamples that must give the statistic before there is an interval.
const VALID_MIN: f64 = 0.9;
/// Fewer multiplications than this are not worth a second thread.
const WORK_PER_THREAD: usize = 1_000_000;

/// Most resamples of one call.
pub const RESAMPLES_MAX: usize = 100_000;

/// How to find a percentile interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// Resamples, 1 to [`RESAMPLES_MAX`].
    pub count: usize,
    /// Seed of the generator: the same seed gives the same interval.
    pub seed: u64,
    /// Confidence of the interval.
    pub confidence: f64,
}

impl Resampling {
    /// The rows to draw.
    pub fn draws(&self) -> Draws {
        Draws::Seeded { count: self.count, seed: self.seed }
    }
}

/// A percentile interval of one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Resamples.
    pub n_resamples: usize,
    /// Seed they were drawn with.
    pub seed: u64,
    /// Resamples that gave the number.
    pub valid: usize,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// `n_too_small` when fewer than 90 % of the resamples gave the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The percentile interval of a statistic of covariances.
pub fn interval(
    rows: &Rows,
    how: &Resampling,
    statistic: impl Fn(&Covariances) -> Option<f64> + Sync,
) -> Interval {
    let number = |(): &mut (), resample: &Covariances, out: &mut [f64]| {
        out[0] = statistic(resample).unwrap_or(f64::NAN);
    };
    let results = replicate(rows, &how.draws(), 1, || (), number);
    let Spread { low, high, valid, .. } = spread(&results, 1, 0, how.confidence);
    let reason = low.is_none().then_some(Reason::NTooSmall);
    Interval { n_resamples: how.count, seed: how.seed, valid, low, high, reason }
}

/// Equally likely integers by SplitMix64 (Steele, Lea & Flood 2014): the same numbers for the
/// same seed on every machine.
#[derive(Debug, Clone)]
pub struct Generator(u64);

impl Generator {
    /// The generator of resample `stream` under a seed.
    pub fn new(seed: u64, stream: u64) -> Generator {
        let mut seeds = Generator(stream);
        Generator(seed ^ seeds.bits())
    }

    /// 64 random bits.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit` - 1, all equally likely (Lemire 2019); `limit` > 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let refused = limit.wrapping_neg() % limit;
        loop {
            let product = u128::from(self.bits()) * u128::from(limit);
            if product as u64 >= refused {
                return (product >> 64) as u64;
            }
        }
    }
}

/// Which rows each resample takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draws {
    /// As many rows as there are, drawn with replacement, `count` times.
    Seeded {
        /// Resamples.
        count: usize,
        /// Seed of the generator.
        seed: u64,
    },
    /// The positions of the rows of each resample.
    Given(Vec<Vec<usize>>),
}

impl Draws {
    /// Number of resamples.
    pub fn count(&self) -> usize {
        match self {
            Draws::Seeded { count, .. } => *count,
            Draws::Given(rows) => rows.len(),
        }
    }

    /// How often resample `r` takes each of the rows.
    fn fill(&self, r: usize, counts: &mut [u32]) {
        counts.fill(0);
        match self {
            Draws::Seeded { seed, .. } => {
                let mut generator = Generator::new(*seed, r as u64);
                for _ in 0..counts.len() {
                    counts[generator.below(counts.len() as u64) as usize] += 1;
                }
            }
            Draws::Given(rows) => rows[r].iter().for_each(|&row| counts[row] += 1),
        }
    }
}

/// Complete rows to draw from, around their means.
#[derive(Debug)]
pub struct Rows<'a> {
    whole: &'a Covariances,
    /// Row by row.
    centred: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// The rows that `whole` was computed from; rows with a missing value are left out.
    pub fn new<R: Iterator<Item = Option<f64>>>(
        whole: &'a Covariances,
        rows: impl Iterator<Item = R>,
    ) -> Rows<'a> {
        let mut centred = Vec::with_capacity(whole.n * whole.order());
        for row in rows {
            let start = centred.len();
            centred.extend(row.zip(&whole.means).map_while(|(v, mean)| Some(v? - mean)));
            if centred.len() < start + whole.order() {
                centred.truncate(start);
            }
        }
        Rows { whole, centred }
    }

    fn order(&self) -> usize {
        self.whole.order()
    }

    /// Writes the means and covariances of a resample over `found`.
    fn resample(&self, counts: &[u32], found: &mut Covariances) {
        let order = self.order();
        found.means.fill(0.0);
        found.values.fill(0.0);
        found.n = 0;
        for (row, &count) in self.centred.chunks_exact(order).zip(counts) {
            if count == 0 {
                continue;
            }
            found.n += count as usize;
            let times = f64::from(count);
            for (i, value) in row.iter().enumerate() {
                let weighted = times * value;
                found.means[i] += weighted;
                let products = &mut found.values[i * order..i * order + i + 1];
                for (product, other) in products.iter_mut().zip(row) {
                    *product += weighted * other;
                }
            }
        }
        self.finish(found);
    }

    /// Turns sums of products into covariances.
    fn finish(&self, found: &mut Covariances) {
        let (order, n) = (self.order(), found.n as f64);
        for i in 0..order {
            for j in 0..=i {
                let sum = found.values[i * order + j];
                let value = (sum - found.means[i] / n * found.means[j]) / (n - 1.0);
                found.values[i * order + j] = value;
                found.values[j * order + i] = value;
            }
        }
        for j in 0..order {
            found.means[j] = self.whole.means[j] + found.means[j] / n;
            if found.variance(j) <= SPREAD_MIN * self.whole.variance(j) {
                (0..order).for_each(|i| {
                    found.values[i * order + j] = 0.0;
                    found.values[j * order + i] = 0.0;
                });
            }
        }
    }
}

/// Computes `outputs` numbers of every resample on all cores, until told to stop; NaN stands for
/// a number that the resample does not allow. `state` makes the memory of a thread, and
/// `statistic` writes the numbers, all NaN before. The result is resample by resample.
pub fn replicate<S>(
    rows: &Rows,
    draws: &Draws,
    outputs: usize,
    state: impl Fn() -> S + Sync,
    statistic: impl Fn(&mut S, &Covariances, &mut [f64]) + Sync,
) -> Vec<f64> {
    let mut results = vec![f64::NAN; draws.count() * outputs];
    let n = rows.whole.n;
    if outputs == 0 || results.is_empty() {
        return results;
    }
    let work = draws.count().saturating_mul(n.max(100) * rows.order() * rows.order() / 2);
    let cores = available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(work / WORK_PER_THREAD).clamp(1, draws.count());
    let share = draws.count().div_ceil(threads);
    let stop = &stop::present();
    let run = &|first: usize, results: &mut [f64]| {
        let (mut state, mut counts) = (state(), vec![0; n]);
        let mut found = rows.whole.clone();
        for (r, result) in results.chunks_exact_mut(outputs).enumerate() {
            if stop.is_asked() {
                break;
            }
            draws.fill(first + r, &mut counts);
            rows.resample(&counts, &mut found);
            statistic(&mut state, &found, result);
        }
    };
    let mut parts = results.chunks_mut(share * outputs).enumerate();
    let own = parts.next();
    scope(|scope| {
        for (t, part) in parts {
            scope.spawn(move || run(t * share, part));
        }
        own.into_iter().for_each(|(_, part)| run(0, part));
    });
    results
}

/// What the resamples say about one number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Standard deviation (n - 1) of the replicates; `None` for fewer than two.
    pub se: Option<f64>,
    /// Lower end of the percentile interval; `None` when fewer than 90 % of the resamples, or
    /// fewer than two, gave the number.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Resamples that gave the number.
    pub valid: usize,
}

/// The spread of output `column` of `outputs`: type-7 quantiles at (1 ± confidence)/2.
pub fn spread(results: &[f64], outputs: usize, column: usize, confidence: f64) -> Spread {
    let all = results.iter().skip(column).step_by(outputs);
    let mut kept: Vec<f64> = all.copied().filter(|v| v.is_finite()).collect();
    let (valid, count) = (kept.len(), results.len() / outputs);
    kept.sort_by(f64::total_cmp);
    let enough = valid >= 2 && valid as f64 >= VALID_MIN * count as f64;
    let at = |p: f64| enough.then(|| quantile(&kept, p));
    let se = (valid >= 2).then(|| Moments::of(&kept).sd());
    let tail = (1.0 - confidence) / 2.0;
    Spread { se, low: at(tail), high: at(1.0 - tail), valid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Vec<Vec<Option<f64>>> {
        (0..30).map(|i| vec![Some(f64::from(i * i % 7)), Some(f64::from(i % 5) + 0.1)]).collect()
    }

    fn rows<'a>(whole: &'a Covariances, data: &[Vec<Option<f64>>]) -> Rows<'a> {
        Rows::new(whole, data.iter().map(|row| row.iter().copied()))
    }

    #[test]
    fn a_resample_has_the_covariances_of_its_rows() {
        let data = data();
        let whole = Covariances::of_rows(&data, 2);
        let chosen = vec![3, 3, 3, 7, 11, 29, 0, 0];
        let copied: Vec<_> = chosen.iter().map(|&i: &usize| data[i].clone()).collect();
        let expected = Covariances::of_rows(&copied, 2);
        let draws = Draws::Given(vec![chosen, vec![4, 9]]);
        let found = replicate(
            &rows(&whole, &data),
            &draws,
            4,
            || (),
            |(), c, out| {
                out.copy_from_slice(&[c.means[0], c.at(0, 1), c.variance(1), c.n as f64]);
            },
        );
        let expected = [expected.means[0], expected.at(0, 1), expected.variance(1), 8.0];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        // Rows 4 and 9 agree in the second column.
        assert_eq!(found[6], 0.0);
    }

    #[test]
    fn the_generator_gives_the_published_numbers() {
        let mut generator = Generator(1_234_567);
        let found: Vec<u64> = (0..5).map(|_| generator.bits()).collect();
        let published = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(found, published);
    }

    #[test]
    fn every_row_is_equally_likely_and_a_seed_repeats_itself() {
        let mut counts = [0u32; 7];
        let mut generator = Generator::new(1, 0);
        (0..70_000).for_each(|_| counts[generator.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
        let data = data();
        let whole = Covariances::of_rows(&data, 2);
        let run = |seed, count| {
            let draws = Draws::Seeded { count, seed };
            replicate(&rows(&whole, &data), &draws, 1, || (), |(), c, out| out[0] = c.at(0, 1))
        };
        // Many resamples run on several threads, few on one.
        assert_eq!(run(5, 20)[..], run(5, 20_000)[..20]);
        assert_ne!(run(5, 20), run(6, 20));
    }

    #[test]
    fn too_few_valid_resamples_give_no_interval() {
        let found = spread(&[1.0, f64::NAN, 3.0, 2.0], 1, 0, 0.95);
        assert_eq!((found.low, found.valid, found.se), (None, 3, Some(1.0)));
        let found = spread(&[0.0, 9.0, 10.0, 9.0], 2, 0, 0.5);
        assert_eq!((found.low, found.high), (Some(2.5), Some(7.5)));
    }
}
