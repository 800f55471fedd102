//! Which messages of one epoch of a device are settled, stored or lost for good: a prefix
//! without gaps, and ranges above it. It may forget ranges when there are too many, never
//! invent one.

use std::fmt::Write;

/// Most ranges kept above the prefix. A device that sends in some order needs one or two.
pub const RANGES_MAX: usize = 256;
/// Most gaps named in one report.
pub const GAPS_MAX: usize = 20;

/// Sequences from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// First.
    pub first: i64,
    /// Last.
    pub last: i64,
}

/// What is stored of one epoch. Sequences count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tracker {
    contiguous: i64,
    // Sorted, apart by at least one, all above `contiguous + 1`.
    ranges: Vec<Range>,
}

impl Tracker {
    /// From its stored parts. `ranges` as [`Tracker::ranges_text`] prints them; what cannot
    /// be read is forgotten.
    pub fn restore(contiguous: i64, ranges: &str) -> Self {
        let mut tracker = Self { contiguous: contiguous.max(0), ranges: Vec::new() };
        for part in ranges.split(',').filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                tracker.note_range(Range { first, last });
            }
        }
        tracker
    }

    /// All sequences up to this one are stored.
    pub fn contiguous(&self) -> i64 {
        self.contiguous
    }

    /// The ranges above the prefix, such as `7-9,12`.
    pub fn ranges_text(&self) -> String {
        let mut text = String::new();
        for range in &self.ranges {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = match range.first == range.last {
                true => write!(text, "{comma}{}", range.first),
                false => write!(text, "{comma}{}-{}", range.first, range.last),
            };
        }
        text
    }

    /// Whether `sequence` is known to be stored.
    pub fn contains(&self, sequence: i64) -> bool {
        if sequence <= self.contiguous {
            return sequence >= 1;
        }
        let after = self.ranges.partition_point(|range| range.first <= sequence);
        after > 0 && self.ranges[after - 1].last >= sequence
    }

    /// Notes that `sequence` is stored. Sequences below 1 are ignored.
    pub fn note(&mut self, sequence: i64) {
        self.note_range(Range { first: sequence, last: sequence });
    }

    /// Notes that nobody waits for the sequences from `first` to `last` any more.
    pub fn settle(&mut self, first: i64, last: i64) {
        self.note_range(Range { first, last });
    }

    fn note_range(&mut self, new: Range) {
        let new = Range { first: new.first.max(self.contiguous + 1), last: new.last };
        if new.first > new.last {
            return;
        }
        // All ranges that touch or overlap the new one melt into it.
        let from = self.ranges.partition_point(|r| r.last < new.first - 1);
        let to = self.ranges.partition_point(|r| r.first <= new.last.saturating_add(1));
        let merged = match self.ranges.get(from..to) {
            Some([]) | None => new,
            Some(touched) => Range {
                first: new.first.min(touched[0].first),
                last: new.last.max(touched[touched.len() - 1].last),
            },
        };
        if merged.first == self.contiguous + 1 {
            self.contiguous = merged.last;
            self.ranges.drain(..to);
            return;
        }
        self.ranges.splice(from..to, [merged]);
        self.ranges.truncate(RANGES_MAX);
    }

    /// The gaps below the highest sequence seen, lowest first, at most [`GAPS_MAX`].
    pub fn missing(&self) -> Vec<Range> {
        let mut before = self.contiguous;
        let mut gaps = Vec::new();
        for range in self.ranges.iter().take(GAPS_MAX) {
            gaps.push(Range { first: before + 1, last: range.first - 1 });
            before = range.last;
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gaps_are_reported_until_they_close() {
        let mut tracker = Tracker::default();
        for sequence in [1, 2, 5, 6, 9] {
            tracker.note(sequence);
        }
        assert_eq!(tracker.contiguous(), 2);
        assert_eq!(tracker.ranges_text(), "5-6,9");
        let gaps = [Range { first: 3, last: 4 }, Range { first: 7, last: 8 }];
        assert_eq!(tracker.missing(), gaps);
        for sequence in [4, 3, 8, 7] {
            tracker.note(sequence);
        }
        assert_eq!((tracker.contiguous(), tracker.missing()), (9, vec![]));
    }

    #[test]
    fn the_ends_of_the_number_range_do_no_harm() {
        let mut tracker = Tracker::default();
        for sequence in [i64::MAX, i64::MAX - 1, 0, -5, i64::MIN, 1] {
            tracker.note(sequence);
        }
        assert_eq!(tracker.contiguous(), 1);
        assert!(tracker.contains(i64::MAX) && !tracker.contains(0));
        assert_eq!(tracker.missing(), [Range { first: 2, last: i64::MAX - 2 }]);
    }

    #[test]
    fn a_device_that_leaves_every_second_one_out_costs_bounded_room() {
        let mut tracker = Tracker::default();
        for sequence in (2..100_000).step_by(2) {
            tracker.note(sequence);
        }
        assert!(tracker.ranges_text().len() < 4_096);
        assert_eq!(tracker.missing().len(), GAPS_MAX);
        for sequence in (1..100_000).step_by(2) {
            tracker.note(sequence);
        }
        assert!(tracker.contains(RANGES_MAX as i64), "the low ranges are kept");
    }

    proptest! {
        #[test]
        fn it_says_exactly_what_was_noted(
            sequences in proptest::collection::vec(1_i64..200, 0..150),
        ) {
            let mut tracker = Tracker::default();
            let mut model = BTreeSet::new();
            for sequence in sequences {
                tracker.note(sequence);
                model.insert(sequence);
            }
            let restored = Tracker::restore(tracker.contiguous(), &tracker.ranges_text());
            prop_assert_eq!(&restored, &tracker);
            for sequence in 0..=201 {
                prop_assert_eq!(tracker.contains(sequence), model.contains(&sequence));
            }
            let prefix = (1..).take_while(|s| model.contains(s)).last().unwrap_or(0);
            prop_assert_eq!(tracker.contiguous(), prefix);
            let highest = model.last().copied().unwrap_or(0);
            let missing: Vec<i64> = (1..highest).filter(|s| !model.contains(s)).collect();
            let reported: Vec<i64> =
                tracker.missing().iter().flat_map(|r| r.first..=r.last).collect();
            prop_assert!(missing.starts_with(&reported));
            prop_assert!(reported.len() == missing.len() || tracker.missing().len() == GAPS_MAX);
        }
    }
}
