//! Sums of the numbers that people answered, and of their squares. They are whole numbers that add
//! up in any order and are taken back exactly, so they stand in cells as counts do: a sum is
//! spread over columns, low digits first.

use crate::{
    fact::GRADES_PER_BLOCK,
    intervals::{MeanEstimate, mean_from_squares},
};

/// Block of numbers of 0 and above.
pub const POSITIVE_BLOCK: i16 = -2;
/// Block of negative numbers, whose sums stand without their sign: no column is ever below 0.
pub const NEGATIVE_BLOCK: i16 = -3;
/// Greatest number that is summed; greater ones are answers and in no mean.
pub const LARGEST: f64 = 1e9;

/// Smallest part of a number that counts.
const PARTS: f64 = 1e6;
/// Bits of a column. What 2^33 numbers add to it fits in 63 bits.
const BITS: usize = 30;
/// Columns of the sum, after the one that counts numbers: 1e15 is below 2^60.
const SUM: std::ops::Range<usize> = 1..3;
/// Columns of the sum of squares: 1e30 is below 2^120.
const SQUARES: std::ops::Range<usize> = 3..7;

/// What a number adds to a cell: its block, and the columns of its row. `None` for one that is not
/// summed.
pub fn columns(number: f64) -> Option<(i16, [i64; GRADES_PER_BLOCK])> {
    if !number.is_finite() || number.abs() > LARGEST {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 1e15")]
    let size = (number.abs() * PARTS).round() as u128;
    let mut columns = [0; GRADES_PER_BLOCK];
    columns[0] = 1;
    spread(size, &mut columns[SUM]);
    spread(size * size, &mut columns[SQUARES]);
    let block = if number < 0.0 { NEGATIVE_BLOCK } else { POSITIVE_BLOCK };
    Some((block, columns))
}

fn spread(mut value: u128, columns: &mut [i64]) {
    for column in columns {
        *column = i64::try_from(value & ((1 << BITS) - 1)).unwrap_or_default();
        value >>= BITS;
    }
}

fn gathered(columns: &[i64]) -> Option<i128> {
    columns.iter().rev().try_fold(0_i128, |sum, column| {
        sum.checked_mul(1 << BITS)?.checked_add(i128::from(*column))
    })
}

/// Numbers that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    count: i64,
    sum: i128,
    /// `None` when it is too great to be told.
    squares: Option<i128>,
}

impl Numbers {
    /// Adds rows of cells of a block; those of other blocks are none.
    pub fn add(&mut self, block: i16, columns: &[i64; GRADES_PER_BLOCK]) {
        let sign = match block {
            POSITIVE_BLOCK => 1,
            NEGATIVE_BLOCK => -1,
            _ => return,
        };
        let before = if self.count == 0 { Some(0) } else { self.squares };
        self.count += columns[0];
        self.sum += sign * gathered(&columns[SUM]).unwrap_or_default();
        self.squares = gathered(&columns[SQUARES]).and_then(|more| before?.checked_add(more));
    }

    /// The mean, with its t interval where the spread can be told.
    pub fn mean(&self, confidence: f64) -> MeanEstimate {
        let n = u64::try_from(self.count).unwrap_or_default();
        let nothing = MeanEstimate { n, mean: None, sd: None, interval: None };
        if n == 0 {
            return nothing;
        }
        let count = i128::from(self.count);
        // Around a whole number next to the mean nothing is lost but what no float could hold.
        let (near, rest) = (self.sum.div_euclid(count), self.sum.rem_euclid(count));
        #[expect(clippy::cast_precision_loss, reason = "a mean has 15 digits")]
        let float = |whole: i128| whole as f64;
        let mean = (float(near) + float(rest) / float(count)) / PARTS;
        let around = self.squares.and_then(|squares| {
            let middle = near.checked_mul(self.sum)?.checked_mul(2)?;
            let last = near.checked_mul(near)?.checked_mul(count)?;
            squares.checked_sub(middle)?.checked_add(last)
        });
        match around {
            Some(around) => {
                let squares = float(around) - float(rest) * float(rest) / float(count);
                let squares = squares.max(0.0) / (PARTS * PARTS);
                mean_from_squares(n, mean, squares, confidence)
            }
            None => MeanEstimate { mean: Some(mean), ..nothing },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Cells of numbers: the two rows, each the sum of its columns.
    fn cells(numbers: impl IntoIterator<Item = (f64, i64)>) -> [[i64; GRADES_PER_BLOCK]; 2] {
        let mut rows = [[0; GRADES_PER_BLOCK]; 2];
        for (number, times) in numbers {
            let Some((block, columns)) = columns(number) else { continue };
            let row = &mut rows[usize::from(block == NEGATIVE_BLOCK)];
            row.iter_mut().zip(columns).for_each(|(sum, column)| *sum += times * column);
        }
        rows
    }

    fn mean(numbers: &[f64]) -> MeanEstimate {
        let rows = cells(numbers.iter().map(|number| (*number, 1)));
        let mut sums = Numbers::default();
        sums.add(POSITIVE_BLOCK, &rows[0]);
        sums.add(NEGATIVE_BLOCK, &rows[1]);
        sums.mean(0.95)
    }

    #[test]
    fn the_mean_of_a_textbook_sample_has_its_interval() {
        // n = 5, mean 3.5, s = 1.5811, t(0.975; 4) = 2.7764: 3.5 ± 1.9632.
        let found = mean(&[1.5, 2.5, 3.5, 4.5, 5.5]);
        assert_eq!((found.n, found.mean), (5, Some(3.5)));
        assert!((found.sd.unwrap() - 2.5_f64.sqrt()).abs() < 1e-12);
        let interval = found.interval.unwrap();
        assert!((interval.low - 1.536_8).abs() < 1e-4 && (interval.high - 5.463_2).abs() < 1e-4);
    }

    #[test]
    fn what_is_no_number_of_ours_is_in_no_mean() {
        for number in [f64::NAN, f64::INFINITY, 1.1e9, -1e300] {
            assert_eq!(columns(number), None);
        }
        assert_eq!(mean(&[]).mean, None);
        assert_eq!(mean(&[-7.25]).mean, Some(-7.25));
        assert_eq!(mean(&[-7.25]).interval, None);
        let mut sums = Numbers::default();
        sums.add(0, &[5; GRADES_PER_BLOCK]);
        assert_eq!(sums, Numbers::default());
    }

    #[test]
    fn a_small_spread_far_from_zero_is_not_lost() {
        let found = mean(&[999_999_999.0, 999_999_999.000_002, 999_999_999.000_001]);
        assert!((found.sd.unwrap() - 1e-6).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn millions_of_the_greatest_numbers_have_a_mean() {
        let rows = cells([(LARGEST, 50_000_000), (-LARGEST, 10_000_000)]);
        let mut sums = Numbers::default();
        sums.add(POSITIVE_BLOCK, &rows[0]);
        sums.add(NEGATIVE_BLOCK, &rows[1]);
        let found = sums.mean(0.95);
        assert!((found.mean.unwrap() - LARGEST * 2.0 / 3.0).abs() < 1e-3, "{found:?}");
    }

    proptest! {
        #[test]
        fn means_are_those_of_the_numbers_and_what_is_taken_back_leaves_no_trace(
            numbers in prop::collection::vec(
                prop_oneof![-1e9..1e9f64, -10.0..10.0f64, Just(0.0)], 1..40),
            gone in prop::collection::vec(-1e9..1e9f64, 0..20),
        ) {
            let kept = numbers.iter().map(|number| (*number, 1));
            let came = gone.iter().map(|number| (*number, 1));
            let left = gone.iter().map(|number| (*number, -1));
            prop_assert_eq!(cells(left.chain(kept.clone()).chain(came)), cells(kept));
            let found = mean(&numbers);
            // By hand, from numbers that were rounded as they are stored.
            let rounded: Vec<f64> = numbers.iter().map(|x| (x * PARTS).round() / PARTS).collect();
            let n = rounded.len() as f64;
            let center = rounded.iter().sum::<f64>() / n;
            let size = rounded.iter().fold(1.0, |size: f64, x| size.max(x.abs()));
            prop_assert!((found.mean.unwrap() - center).abs() <= 1e-12 * size * n);
            if rounded.len() > 1 {
                let squares: f64 = rounded.iter().map(|x| (x - center).powi(2)).sum();
                let sd = (squares / (n - 1.0)).sqrt();
                prop_assert!((found.sd.unwrap() - sd).abs() <= 1e-9 * size, "{found:?} {sd}");
            }
        }
    }
}
