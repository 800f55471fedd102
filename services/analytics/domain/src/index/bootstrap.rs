//! Bootstrap of an index: answers are drawn again from seeded generators of their own for each
//! row and resample, so that the interval does not depend on the order of rows.
//!
//! Where it is known which answers belong together, whole respondents are drawn, with all that
//! they answered. Where only counts are known, leaves that may come from the same people are
//! drawn with the same numbers, each number taking the grade at its place in the order of
//! grades: they go together as much as they can, and the interval is rather too wide than too
//! narrow. Leaves of different people are drawn independently.

use super::{
    check::Tree,
    leaf::{Moments, Value, csd, nano, share_on_line, weighted_mean},
};
use crate::{
    measures::{resample::Generator, sample::quantile},
    stop,
};

/// Most draws of answers of one leaf class; larger samples are drawn in proportion, which
/// widens the interval by no more than the counts' own rounding.
const DRAWS_MAX: usize = 400;

/// Scores of grades with their counts, by class weight.
pub type Classes = Vec<(f64, Vec<(f64, i64)>)>;

/// What a leaf is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Scores of grades with their counts, lowest first, by class weight.
    Scores {
        /// Weight and counts of each class.
        classes: Classes,
        /// Leaves with the same stream are drawn with the same numbers.
        stream: u64,
    },
    /// A share of services on a line.
    Share {
        /// Services of the share.
        part: i64,
        /// All services.
        whole: i64,
        /// Percent that is worth 0.
        worst: f64,
        /// Percent that is worth 100.
        best: f64,
        /// As for scores.
        stream: u64,
    },
    /// Perceived and expected scores, from counts.
    Pair([Classes; 2], u64),
    /// A column of answers of respondents.
    Column {
        /// Which respondents.
        sheets: usize,
        /// Column.
        column: usize,
    },
    /// Perceived and expected columns.
    Columns {
        /// Which respondents.
        sheets: usize,
        /// Columns.
        columns: [usize; 2],
    },
    /// A value that is not drawn again.
    Fixed(Option<f64>),
}

/// Respondents who are drawn whole, class by class.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheets {
    classes: Vec<Class>,
    stream: u64,
}

/// Scores in billionths by column; none where nothing was answered.
pub type Sheet = std::sync::Arc<[Option<i64>]>;

#[derive(Debug, Clone, PartialEq)]
struct Class {
    weight: f64,
    rows: Vec<Sheet>,
    /// Sums of all rows, by column.
    whole: Vec<Moments>,
}

impl Sheets {
    /// Respondents by class weight, in an order that does not depend on chance; `columns` answers
    /// each.
    pub fn new(classes: Vec<(f64, Vec<Sheet>)>, columns: usize, stream: u64) -> Self {
        let class = |(weight, rows): (f64, Vec<Sheet>)| {
            let mut whole = vec![Moments::default(); columns];
            for (sums, scores) in rows.iter().flat_map(whole_of) {
                if let Some(sums) = whole.get_mut(sums) {
                    sums.add(scores, 1);
                }
            }
            Class { weight, rows, whole }
        };
        Self { classes: classes.into_iter().map(class).collect(), stream }
    }

    /// Sums of each column, by class weight.
    fn draw(&self, seed: u64, resample: u64) -> Vec<Vec<(f64, Moments)>> {
        let mut generator = generator(seed, resample, self.stream);
        let columns = self.classes.first().map_or(0, |class| class.whole.len());
        let mut drawn = vec![Vec::with_capacity(self.classes.len()); columns];
        for class in &self.classes {
            for (column, sums) in class.draw(&mut generator).into_iter().enumerate() {
                drawn[column].push((class.weight, sums));
            }
        }
        drawn
    }
}

fn whole_of(row: &Sheet) -> impl Iterator<Item = (usize, i64)> {
    row.iter().enumerate().filter_map(|(column, score)| Some((column, (*score)?)))
}

impl Class {
    fn draw(&self, generator: &mut Generator) -> Vec<Moments> {
        let mut drawn = vec![Moments::default(); self.whole.len()];
        if self.rows.is_empty() {
            return drawn;
        }
        let draws = self.rows.len().min(DRAWS_MAX);
        for _ in 0..draws {
            let row = usize::try_from(generator.below(self.rows.len() as u64)).unwrap_or_default();
            for (column, score) in whole_of(&self.rows[row]) {
                drawn[column].add(score, 1);
            }
        }
        if draws < self.rows.len() {
            let pairs = drawn.iter_mut().zip(&self.whole);
            pairs.for_each(|(drawn, whole)| *drawn = shrunk(*drawn, whole));
        }
        drawn
    }
}

/// Percentile interval of the root of one row; none when told to stop. `weights` are those of the
/// children of each node; leaves that have no value in the row are `Fixed(None)`.
pub fn interval(
    tree: &Tree,
    weights: &[Vec<f64>],
    sources: &[Source],
    sheets: &[Sheets],
    (resamples, seed): (usize, u64),
    confidence: f64,
) -> Option<(f64, f64)> {
    let mut results = Vec::with_capacity(resamples);
    let stop = stop::present();
    for r in 0..resamples as u64 {
        if stop.is_asked() {
            return None;
        }
        let drawn: Vec<Vec<Vec<(f64, Moments)>>> =
            sheets.iter().map(|sheets| sheets.draw(seed, r)).collect();
        let leaves: Vec<Option<f64>> =
            sources.iter().map(|source| draw(source, &drawn, seed, r)).collect();
        results.extend(root(tree, weights, &leaves));
    }
    if results.len() * 10 < resamples * 9 || results.is_empty() {
        return None;
    }
    results.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some((quantile(&results, tail), quantile(&results, 1.0 - tail)))
}

fn generator(seed: u64, resample: u64, stream: u64) -> Generator {
    Generator::new(seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15), resample)
}

fn root(tree: &Tree, weights: &[Vec<f64>], leaves: &[Option<f64>]) -> Option<f64> {
    let mut values: Vec<Option<f64>> = vec![None; tree.children.len()];
    for (leaf, value) in tree.leaves.iter().zip(leaves) {
        values[*leaf] = *value;
    }
    for node in tree.upward.iter().copied().filter(|node| !tree.children[*node].is_empty()) {
        let (mut sum, mut total) = (0.0, 0.0);
        for (child, weight) in tree.children[node].iter().zip(&weights[node]) {
            if let Some(value) = values[*child] {
                sum += weight * value;
                total += weight;
            }
        }
        values[node] = (total > 0.0).then(|| sum / total);
    }
    values[tree.root]
}

fn draw(
    source: &Source,
    drawn: &[Vec<Vec<(f64, Moments)>>],
    seed: u64,
    resample: u64,
) -> Option<f64> {
    let from = |stream: u64| generator(seed, resample, stream);
    let column = |sheets: usize, column: usize| weighted_mean(&drawn[sheets][column]);
    match source {
        Source::Fixed(value) => *value,
        Source::Scores { classes, stream } => mean(classes, &mut from(*stream)).value,
        Source::Share { part, whole, worst, best, stream } => {
            let counts = [(0.0, whole - part), (100.0, *part)];
            let share = redraw(&counts, &mut from(*stream)).mean()?;
            let drawn = (share / 100.0 * *whole as f64).round() as i64;
            share_on_line(drawn, *whole, *worst, *best).value
        }
        Source::Pair([perceived, expected], stream) => {
            let perceived = mean(perceived, &mut from(*stream));
            csd(perceived, mean(expected, &mut from(*stream))).value
        }
        Source::Column { sheets, column: of } => column(*sheets, *of).value,
        Source::Columns { sheets, columns: [perceived, expected] } => {
            csd(column(*sheets, *perceived), column(*sheets, *expected)).value
        }
    }
}

fn mean(classes: &[(f64, Vec<(f64, i64)>)], generator: &mut Generator) -> Value {
    let drawn: Vec<(f64, Moments)> =
        classes.iter().map(|(weight, counts)| (*weight, redraw(counts, generator))).collect();
    weighted_mean(&drawn)
}

/// As many answers again, drawn with replacement.
fn redraw(counts: &[(f64, i64)], generator: &mut Generator) -> Moments {
    let mut whole = Moments::default();
    counts.iter().for_each(|(score, count)| whole.add(nano(*score), *count));
    let mut drawn = Moments::default();
    if whole.n <= 0 {
        return drawn;
    }
    let draws = whole.n.min(i64::try_from(DRAWS_MAX).unwrap_or(i64::MAX));
    for _ in 0..draws {
        let mut place = i64::try_from(generator.below(whole.n.unsigned_abs())).unwrap_or_default();
        for (score, count) in counts {
            if place < *count {
                drawn.add(nano(*score), 1);
                break;
            }
            place -= count;
        }
    }
    if draws < whole.n { shrunk(drawn, &whole) } else { drawn }
}

/// Of large samples a part is drawn and its deviation from the mean scaled down, so that the
/// variance is that of the whole.
fn shrunk(drawn: Moments, whole: &Moments) -> Moments {
    let (Some(found), Some(centre)) = (drawn.mean(), whole.mean()) else { return drawn };
    let part = (drawn.n as f64 / whole.n as f64).min(1.0);
    let mut sums = Moments::default();
    sums.add(nano(centre + (found - centre) * part.sqrt()), whole.n);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(leaves: usize) -> Tree {
        let mut children = vec![(1..=leaves).collect()];
        children.extend(vec![Vec::new(); leaves]);
        let upward = (0..=leaves).rev().collect();
        Tree { root: 0, children, leaves: (1..=leaves).collect(), upward }
    }

    fn weights(leaves: usize) -> Vec<Vec<f64>> {
        let mut weights = vec![vec![1.0; leaves]];
        weights.extend(vec![Vec::new(); leaves]);
        weights
    }

    fn scores(counts: Vec<(f64, i64)>, stream: u64) -> Source {
        Source::Scores { classes: vec![(1.0, counts)], stream }
    }

    fn half_width(sources: &[Source], sheets: &[Sheets]) -> f64 {
        let leaves = sources.len();
        let found =
            interval(&tree(leaves), &weights(leaves), sources, sheets, (2_000, 7), 0.95).unwrap();
        (found.1 - found.0) / 2.0
    }

    #[test]
    fn the_interval_is_about_that_of_the_normal_approximation_and_the_same_for_a_seed() {
        for n in [60_i64, 60_000] {
            let source = [scores(vec![(0.0, n / 4), (100.0, 3 * n / 4)], 1)];
            let of = |seed| interval(&tree(1), &weights(1), &source, &[], (2_000, seed), 0.95);
            let found = of(7).unwrap();
            assert_eq!(of(7), Some(found));
            let half = 1.96 * (0.25_f64 * 0.75 / n as f64).sqrt() * 100.0;
            assert!((found.0 - (75.0 - half)).abs() < half / 8.0, "{found:?} {half}");
            assert!((found.1 - (75.0 + half)).abs() < half / 8.0, "{found:?} {half}");
            assert!(n < 1_000 || of(8) != Some(found), "another seed, other resamples");
            let share =
                Source::Share { part: 3 * n / 4, whole: n, worst: 0.0, best: 100.0, stream: 1 };
            assert!((half_width(&[share], &[]) - half).abs() < half / 8.0);
        }
    }

    #[test]
    fn a_seed_gives_the_numbers_that_it_always_gave() {
        // Computed apart, in another language, from the description of the generator.
        let source = [scores(vec![(0.0, 10), (100.0, 30)], 1)];
        for (seed, low, high) in [(7, 62.5, 87.5), (8, 60.0, 87.5), (10, 64.9375, 87.5)] {
            let found = interval(&tree(1), &weights(1), &source, &[], (200, seed), 0.95).unwrap();
            assert!((found.0 - low).abs() < 1e-9 && (found.1 - high).abs() < 1e-9, "{found:?}");
        }
    }

    #[test]
    fn nothing_is_drawn_for_whoever_has_gone() {
        let source = [scores(vec![(0.0, 5), (100.0, 15)], 1)];
        let draw = || interval(&tree(1), &weights(1), &source, &[], (200, 7), 0.95);
        let stop = stop::Stop::default();
        assert!(stop.within(draw).is_some());
        stop.ask();
        assert_eq!(stop.within(draw), None);
    }

    #[test]
    fn nothing_to_draw_from_gives_no_interval() {
        let fixed = [Source::Fixed(None)];
        assert_eq!(interval(&tree(1), &weights(1), &fixed, &[], (100, 1), 0.95), None);
    }

    #[test]
    fn counts_of_the_same_people_go_together_and_of_others_do_not() {
        let counts = || vec![(0.0, 50), (100.0, 150)];
        let half = 1.96 * (0.25_f64 * 0.75 / 200.0).sqrt() * 100.0;
        let same = half_width(&[scores(counts(), 1), scores(counts(), 1)], &[]);
        let others = half_width(&[scores(counts(), 1), scores(counts(), 2)], &[]);
        assert!((same - half).abs() < half / 8.0, "{same} {half}");
        assert!((others - half / 2.0_f64.sqrt()).abs() < half / 8.0, "{others} {half}");
    }

    #[test]
    fn respondents_are_drawn_whole() {
        // Two questions to the same people: all agree with themselves, or contradict themselves.
        for n in [200_i64, 4_000] {
            let sheets = |second: fn(i64) -> i64| {
                let rows = (0..n).map(|i| {
                    let first = if i % 4 == 0 { 0 } else { nano(100.0) };
                    Sheet::from([Some(first), Some(second(first))])
                });
                [Sheets::new(vec![(1.0, rows.collect())], 2, 3)]
            };
            let columns = [0, 1].map(|column| Source::Column { sheets: 0, column });
            let half = 1.96 * (0.25_f64 * 0.75 / n as f64).sqrt() * 100.0;
            let agree = half_width(&columns, &sheets(|first| first));
            assert!((agree - half).abs() < half / 8.0, "{agree} {half}");
            let contradict = half_width(&columns, &sheets(|first| nano(100.0) - first));
            assert!(contradict < half / 100.0, "the sum of each is always the same: {contradict}");
        }
    }
}
