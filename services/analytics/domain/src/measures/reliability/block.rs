//! A block of items: rows are respondents, columns items.

use crate::measures::covariance::{Covariances, check_work};
use crate::measures::reason::{Invalid, Result};
use crate::measures::resample::{Interval, Resampling, Rows, interval};

/// More items than this are beyond any questionnaire.
const ITEMS_MAX: usize = 1000;

/// Covariances of the items over the rows without a missing answer.
///
/// Errors: rows of different length; more than 1000 items; rows × items² above 1e11.
pub(super) fn covariances(items: &[Vec<Option<f64>>]) -> Result<Covariances> {
    let k = items.first().map_or(0, Vec::len);
    if k > ITEMS_MAX {
        return Err(Invalid::new("items", "must have at most 1000 columns"));
    }
    if let Some(i) = items.iter().position(|row| row.len() != k) {
        return Err(Invalid::new(format!("items[{i}]"), format!("must have {k} entries")));
    }
    check_work("items", items.len(), k, 1)?;
    let mut covariances = Covariances::of_rows(items, k);
    if k == 0 {
        // Without a first item nobody can be told to have answered.
        covariances.n = 0;
    }
    Ok(covariances)
}

/// The percentile interval of a statistic of the block, over resampled respondents. A statistic
/// costs as much as the covariances of `cost` rows.
///
/// Errors: (rows + cost) × items² × resamples above 1e11.
pub(super) fn bootstrap(
    items: &[Vec<Option<f64>>],
    whole: &Covariances,
    how: &Resampling,
    cost: usize,
    statistic: impl Fn(&Covariances) -> Option<f64> + Sync,
) -> Result<Interval> {
    check_work("n_resamples", items.len() + cost, whole.order(), how.count)?;
    let rows = Rows::new(whole, items.iter().map(|row| row.iter().copied()));
    Ok(interval(&rows, how, statistic))
}
