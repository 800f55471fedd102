//! The value of a leaf from exact sums. Scores are counted in billionths of a point, so that
//! sums are whole numbers and do not depend on the order in which cells are read.

/// Billionths of a point.
const NANO: f64 = 1e9;

/// A score as a whole number of billionths of a point; scores lie in 0..=100.
pub fn nano(score: f64) -> i64 {
    (score.clamp(0.0, 100.0) * NANO).round() as i64
}

/// Sums of scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// How many.
    pub n: i64,
    /// Sum of scores in billionths.
    pub sum: i128,
    /// Sum of squares.
    pub squares: i128,
    /// Whether any of it was promised anonymity.
    pub anonymous: bool,
}

impl Moments {
    /// Adds `count` scores.
    pub fn add(&mut self, score_nano: i64, count: i64) {
        let (score, times) = (i128::from(score_nano), i128::from(count));
        self.n = self.n.saturating_add(count);
        self.sum = self.sum.saturating_add(score * times);
        self.squares = self.squares.saturating_add(score * score * times);
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
        self.anonymous |= other.anonymous;
    }

    /// Mean score; `None` without scores.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / self.n as f64 / NANO)
    }

    /// Variance of the mean, s²/n; `None` for fewer than two scores.
    pub fn variance_of_mean(&self) -> Option<f64> {
        if self.n < 2 {
            return None;
        }
        let n = self.n as f64;
        let mean = self.sum as f64 / n / NANO;
        let squares = self.squares as f64 / n / (NANO * NANO);
        let variance = (squares - mean * mean).max(0.0) * n / (n - 1.0);
        // Rounding of the difference, where all scores are the same.
        Some(if variance < 1e-9 { 0.0 } else { variance / n })
    }
}

/// A value with its certainty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Value {
    /// The value, 0 to 100; `None` without enough answers.
    pub value: Option<f64>,
    /// Its variance; `None` where it cannot be known.
    pub variance: Option<f64>,
    /// Answers or services counted.
    pub n: i64,
    /// Hidden, because few were promised anonymity.
    pub hidden: bool,
}

/// Mean over classes, each with its weight, of those that have answers. Without weights there
/// is one class.
pub fn weighted_mean(classes: &[(f64, Moments)]) -> Value {
    let with = classes.iter().filter(|(weight, moments)| *weight > 0.0 && moments.n > 0);
    let total: f64 = with.clone().map(|(weight, _)| weight).sum();
    let n = classes.iter().map(|(_, moments)| moments.n).sum();
    if total <= 0.0 {
        return Value { value: None, variance: None, n, hidden: false };
    }
    let (mut value, mut variance) = (0.0, Some(0.0));
    for (weight, moments) in with {
        let share = weight / total;
        value += share * moments.mean().unwrap_or_default();
        let one = moments.variance_of_mean();
        variance = variance.zip(one).map(|(sum, one)| sum + share * share * one);
    }
    Value { value: Some(value), variance, n, hidden: false }
}

/// Customer satisfaction degree of a pair: perceived ÷ expected times 100, at most 100; its
/// variance by the delta method with both sides taken as independent. `None` without an
/// expectation above 0.
pub fn csd(perceived: Value, expected: Value) -> Value {
    let n = perceived.n.min(expected.n);
    let (Some(p), Some(e)) = (perceived.value, expected.value) else {
        return Value { n, ..Value::default() };
    };
    if e <= 0.0 {
        return Value { n, ..Value::default() };
    }
    let variance = perceived.variance.zip(expected.variance).map(|(vp, ve)| {
        let (by_p, by_e) = (100.0 / e, 100.0 * p / (e * e));
        by_p * by_p * vp + by_e * by_e * ve
    });
    Value { value: Some((100.0 * p / e).min(100.0)), variance, n, hidden: false }
}

/// A share of services laid on a line from `worst` (0) to `best` (100), both in percent.
pub fn share_on_line(part: i64, whole: i64, worst: f64, best: f64) -> Value {
    if whole <= 0 {
        return Value { n: whole.max(0), ..Value::default() };
    }
    let (n, p) = (whole as f64, part.clamp(0, whole) as f64 / whole as f64);
    let slope = 100.0 / (best - worst) * 100.0;
    let variance = Some(p * (1.0 - p) / n * slope * slope).filter(|_| whole > 1);
    Value { value: Some(on_line(p * 100.0, worst, best)), variance, n: whole, hidden: false }
}

/// A mean duration in seconds on a line; its variance is not known from sums.
pub fn duration_on_line(sum_ms: i64, n: i64, worst: f64, best: f64) -> Value {
    if n <= 0 {
        return Value::default();
    }
    let seconds = sum_ms as f64 / n as f64 / 1000.0;
    Value { value: Some(on_line(seconds, worst, best)), variance: None, n, hidden: false }
}

fn on_line(value: f64, worst: f64, best: f64) -> f64 {
    ((value - worst) / (best - worst) * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(scores: &[f64]) -> Moments {
        let mut sums = Moments::default();
        for score in scores {
            sums.add(nano(*score), 1);
        }
        sums
    }

    #[test]
    fn moments_are_those_of_the_scores() {
        let sums = moments(&[0.0, 40.0, 80.0, 100.0]);
        assert_eq!(sums.mean(), Some(55.0));
        let variance =
            (55.0_f64.powi(2) + 15.0_f64.powi(2) + 25.0_f64.powi(2) + 45.0_f64.powi(2)) / 3.0 / 4.0;
        assert!((sums.variance_of_mean().unwrap() - variance).abs() < 1e-9);
        assert_eq!(moments(&[70.0]).variance_of_mean(), None);
        assert_eq!(moments(&[70.0; 9]).variance_of_mean(), Some(0.0));
    }

    #[test]
    fn classes_count_by_their_weights_and_absent_ones_not_at_all() {
        let (high, low) = (moments(&[100.0; 3]), moments(&[0.0; 90]));
        let even = weighted_mean(&[(1.0, high), (1.0, low)]);
        assert_eq!((even.value, even.n), (Some(50.0), 93));
        let absent = weighted_mean(&[(1.0, high), (5.0, Moments::default())]);
        assert_eq!(absent.value, Some(100.0));
        assert_eq!(weighted_mean(&[(0.0, high)]).value, None);
    }

    #[test]
    fn csd_is_perceived_by_expected_and_never_above_100() {
        let value = |scores: &[f64]| weighted_mean(&[(1.0, moments(scores))]);
        let found = csd(value(&[40.0, 60.0]), value(&[80.0, 80.0]));
        assert_eq!(found.value, Some(62.5));
        assert_eq!(csd(value(&[90.0; 2]), value(&[60.0; 2])).value, Some(100.0));
        assert_eq!(csd(value(&[90.0; 2]), value(&[0.0; 2])).value, None);
    }

    #[test]
    fn figures_lie_on_their_line_also_when_less_is_better() {
        assert_eq!(share_on_line(90, 100, 50.0, 100.0).value, Some(80.0));
        assert_eq!(duration_on_line(300_000, 1, 600.0, 0.0).value, Some(50.0));
        assert_eq!(duration_on_line(900_000, 1, 600.0, 0.0).value, Some(0.0));
        assert_eq!(share_on_line(0, 0, 0.0, 100.0).value, None);
    }
}
