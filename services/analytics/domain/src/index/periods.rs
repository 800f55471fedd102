//! How the time of an index question is cut.

use crate::time::Bucket;

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One period.
    Whole,
    /// Local days.
    Day,
    /// Local months.
    Month,
    /// Quarters of the year.
    Quarter,
    /// Years.
    Year,
}

impl Kind {
    /// Months of a period; `None` for days and the whole time.
    fn months(self) -> Option<i64> {
        match self {
            Self::Whole | Self::Day => None,
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
        }
    }
}

/// Consecutive periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    kind: Kind,
    first: i64,
    /// First local day of each and the one after its last, cut at the ends of the time.
    pub days: Vec<(i64, i64)>,
}

impl Periods {
    /// The periods that days `from..to` fall into; at most `most`.
    pub fn cut(kind: Kind, (from, to): (i32, i32), most: usize) -> Option<Self> {
        let (from, to) = (i64::from(from), i64::from(to));
        if kind == Kind::Day {
            if usize::try_from(to - from).map_or(true, |count| count > most) {
                return None;
            }
            let days = (from..to).map(|day| (day, day + 1)).collect();
            return Some(Self { kind, first: from, days });
        }
        let Some(months) = kind.months() else {
            return Some(Self { kind, first: 0, days: vec![(from, to)] });
        };
        let of_day = |day| Bucket::Month.of_day(day).div_euclid(months);
        let (first, last) = (of_day(from), of_day(to - 1));
        if usize::try_from(last - first).map_or(true, |count| count >= most) {
            return None;
        }
        let start = |period: i64| Bucket::Month.first_day(period * months);
        let days = (first..=last).map(|p| (start(p).max(from), start(p + 1).min(to))).collect();
        Some(Self { kind, first, days })
    }

    /// By what cells must be read.
    pub fn bucket(&self) -> Option<Bucket> {
        match self.kind {
            Kind::Whole => None,
            Kind::Day => Some(Bucket::Day),
            Kind::Month | Kind::Quarter | Kind::Year => Some(Bucket::Month),
        }
    }

    /// Place of the period that a day or month falls into, or of the only one.
    pub fn place(&self, bucket: i64) -> Option<usize> {
        let period = match (self.kind, self.kind.months()) {
            (Kind::Day, _) => bucket,
            (_, Some(months)) => bucket.div_euclid(months),
            (_, None) => return Some(0),
        };
        let place = usize::try_from(period - self.first).ok()?;
        (place < self.days.len()).then_some(place)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::time::day_number;

    #[test]
    fn periods_are_cut_at_the_ends_and_months_find_their_place() {
        let days = (day_number(date(2026, 2, 10)), day_number(date(2026, 7, 2)));
        let quarters = Periods::cut(Kind::Quarter, days, 120).unwrap();
        assert_eq!(quarters.days.len(), 3);
        assert_eq!(quarters.days[0].0, i64::from(days.0));
        assert_eq!(quarters.days[2], (i64::from(day_number(date(2026, 7, 1))), days.1.into()));
        assert_eq!(quarters.place(2026 * 12 + 4), Some(1), "May");
        assert_eq!(quarters.place(2026 * 12 + 11), None, "December");
        assert_eq!(Periods::cut(Kind::Month, days, 3), None);
        let each = Periods::cut(Kind::Day, days, 400).unwrap();
        assert_eq!(each.place(i64::from(days.0) + 3), Some(3));
        assert_eq!(Periods::cut(Kind::Whole, days, 1).unwrap().place(7), Some(0));
    }
}
