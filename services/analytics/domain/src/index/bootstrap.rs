//! Bootstrap of an index from counts per grade: each leaf's answers are drawn again, from a
//! seeded generator of its own for each row and resample, so that the interval does not depend
//! on the order of rows. Leaves are drawn independently, since counts do not tell which answers
//! belong together.

use super::{
    check::Tree,
    leaf::{Moments, Value, csd, nano, weighted_mean},
};
use crate::measures::{resample::Generator, sample::quantile};

/// Most draws of answers of one leaf class; larger samples are drawn in proportion, which
/// widens the interval by no more than the counts' own rounding.
const DRAWS_MAX: i64 = 400;

/// What a leaf is drawn from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Scores of grades with their counts, by class weight.
    Scores(Vec<(f64, Vec<(f64, i64)>)>),
    /// Perceived and expected scores.
    Pair(Vec<(f64, Vec<(f64, i64)>)>, Vec<(f64, Vec<(f64, i64)>)>),
    /// A value that is not drawn again.
    Fixed(Option<f64>),
}

/// Percentile interval of the root of one row. `weights` are those of the children of each
/// node; leaves that have no value in the row are `Fixed(None)`.
pub fn interval(
    tree: &Tree,
    weights: &[Vec<f64>],
    sources: &[Source],
    resamples: usize,
    seed: u64,
    confidence: f64,
) -> Option<(f64, f64)> {
    let mut results = Vec::with_capacity(resamples);
    for r in 0..resamples {
        let mut generator = Generator::new(seed, r as u64);
        let leaves: Vec<Option<f64>> =
            sources.iter().map(|source| draw(source, &mut generator)).collect();
        results.extend(root(tree, weights, &leaves));
    }
    if results.len() * 10 < resamples * 9 || results.is_empty() {
        return None;
    }
    results.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some((quantile(&results, tail), quantile(&results, 1.0 - tail)))
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

fn draw(source: &Source, generator: &mut Generator) -> Option<f64> {
    match source {
        Source::Fixed(value) => *value,
        Source::Scores(classes) => mean(classes, generator).value,
        Source::Pair(perceived, expected) => {
            let perceived = mean(perceived, generator);
            csd(perceived, mean(expected, generator)).value
        }
    }
}

fn mean(classes: &[(f64, Vec<(f64, i64)>)], generator: &mut Generator) -> Value {
    let drawn: Vec<(f64, Moments)> =
        classes.iter().map(|(weight, counts)| (*weight, redraw(counts, generator))).collect();
    weighted_mean(&drawn)
}

/// As many answers again, drawn with replacement. Of large samples a part is drawn and its
/// deviation from the mean scaled down, so that the variance is that of the whole.
fn redraw(counts: &[(f64, i64)], generator: &mut Generator) -> Moments {
    let n: i64 = counts.iter().map(|(_, count)| *count).sum();
    let mut drawn = Moments::default();
    if n <= 0 {
        return drawn;
    }
    let draws = n.min(DRAWS_MAX);
    for _ in 0..draws {
        let mut place = i64::try_from(generator.below(n.unsigned_abs())).unwrap_or_default();
        for (score, count) in counts {
            if place < *count {
                drawn.add(nano(*score), 1);
                break;
            }
            place -= count;
        }
    }
    if draws < n {
        let total: f64 = counts.iter().map(|(score, count)| score * *count as f64).sum();
        let centre = total / n as f64;
        let deviation = drawn.mean().unwrap_or(centre) - centre;
        let shrunk = centre + deviation * (draws as f64 / n as f64).sqrt();
        let mut whole = Moments::default();
        whole.add(nano(shrunk), n);
        return whole;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Tree {
        let children = vec![vec![1], vec![]];
        Tree { root: 0, children, leaves: vec![1], upward: vec![1, 0] }
    }

    #[test]
    fn the_interval_is_about_that_of_the_normal_approximation_and_the_same_for_a_seed() {
        for n in [60_i64, 60_000] {
            let counts = vec![(0.0, n / 4), (100.0, 3 * n / 4)];
            let source = [Source::Scores(vec![(1.0, counts)])];
            let weights = [vec![1.0], vec![]];
            let found = interval(&one(), &weights, &source, 2_000, 7, 0.95).unwrap();
            assert_eq!(interval(&one(), &weights, &source, 2_000, 7, 0.95), Some(found));
            let half = 1.96 * (0.25_f64 * 0.75 / n as f64).sqrt() * 100.0;
            assert!((found.0 - (75.0 - half)).abs() < half / 8.0, "{found:?} {half}");
            assert!((found.1 - (75.0 + half)).abs() < half / 8.0, "{found:?} {half}");
            let other = interval(&one(), &weights, &source, 2_000, 8, 0.95);
            assert!(n < 1_000 || other != Some(found), "another seed, other resamples");
        }
    }

    #[test]
    fn nothing_to_draw_from_gives_no_interval() {
        let weights = [vec![1.0], vec![]];
        assert_eq!(interval(&one(), &weights, &[Source::Fixed(None)], 100, 1, 0.95), None);
    }
}
