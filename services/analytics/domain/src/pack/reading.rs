//! Which packs answer for a stretch of days, and which of their entries count.

use std::ops::Range;

use super::{
    Kind,
    key::is_overall,
    sums::{cut, day_of, january_of, month_of},
};

/// How finely time is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Local days.
    Day,
    /// Local months; the first and the last may be in part.
    Month,
}

/// Packs of one kind that answer for a part of a stretch of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What the packs hold.
    pub kind: Kind,
    /// Months under which the packs stand, the end not included. Packs of years stand under
    /// their Januaries only.
    pub months: Range<i32>,
    /// Days, or in packs of years months, that count; the end not included.
    counts: Range<i32>,
    grain: Grain,
    overall: bool,
}

/// The packs of a site that together hold what happened in local days, the end not included,
/// each thing once. With `overall` only encounters and overall items are wanted: of whole months
/// they stand in few packs.
pub fn parts((from, to): (i32, i32), grain: Grain, overall: bool) -> Vec<Part> {
    if from >= to {
        return Vec::new();
    }
    let days = |days: Range<i32>| {
        let months = month_of(days.start)..month_of(days.end - 1) + 1;
        Part { kind: Kind::Days, months, counts: days, grain, overall }
    };
    if grain == Grain::Day {
        return vec![days(from..to)];
    }
    let cut = cut((from, to));
    let mut parts = Vec::new();
    if !cut.whole.is_empty() {
        let counts = cut.whole.clone();
        let (kind, months) = match overall {
            true => (Kind::Years, january_of(counts.start)..counts.end),
            false => (Kind::Months, cut.whole),
        };
        parts.push(Part { kind, months, counts, grain, overall });
    }
    parts.extend(cut.rest.into_iter().map(days));
    parts
}

impl Part {
    /// The local day or month, as the grain says, of an entry of the pack of `month`; `None`
    /// for an entry that does not count.
    pub fn time(&self, month: i32, key: &[u8], part: u8) -> Option<i32> {
        if self.overall && !is_overall(key) {
            return None;
        }
        match self.kind {
            Kind::Days => {
                let day = Some(day_of(month, part)).filter(|day| self.counts.contains(day))?;
                Some(if self.grain == Grain::Day { day } else { month })
            }
            Kind::Years => {
                let month = month.saturating_add(i32::from(part) - 1);
                Some(month).filter(|month| self.counts.contains(month))
            }
            Kind::Months | Kind::Answers => Some(month),
        }
    }
}
