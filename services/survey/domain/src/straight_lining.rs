//! Whether somebody went straight down a form instead of reading it. People who are content
//! with everything give the same grade throughout as well, so sameness alone proves nothing:
//! it counts only together with haste.

/// Fewest graded items at which sameness is looked at.
pub const ITEMS_MIN: usize = 8;
/// Reading a statement and choosing a grade takes at least this long, in milliseconds, for a
/// careful reader.
pub const CAREFUL_MS_PER_ITEM: u64 = 3_000;

/// Whether `places`, the chosen places on their scales in the order in which they were shown,
/// look like a straight line that was drawn in `duration_ms`. Places count from the bad end, so
/// that scales of different length are comparable only with themselves: each is given with the
/// number of its grades. Without a known duration the answer is no.
pub fn is_straight(places: &[Place], duration_ms: Option<u64>) -> bool {
    let Some(duration_ms) = duration_ms else { return false };
    if places.len() < ITEMS_MIN || longest_run(places) < places.len() {
        return false;
    }
    let careful_ms = (places.len() as u64).saturating_mul(CAREFUL_MS_PER_ITEM);
    duration_ms < careful_ms
}

/// A chosen grade: its place on a scale and how many grades the scale has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Place, from 0.
    pub at: u32,
    /// Grades of the scale.
    pub of: u32,
}

/// Most identical places in a row (the long-string index of careless answering).
pub fn longest_run(places: &[Place]) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut last = None;
    for place in places {
        run = if last == Some(place) { run + 1 } else { 1 };
        last = Some(place);
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u32, count: usize) -> Vec<Place> {
        vec![Place { at, of: 5 }; count]
    }

    #[test]
    fn a_hasty_line_is_seen_and_a_careful_one_is_not() {
        assert!(is_straight(&line(4, 8), Some(23_999)));
        assert!(!is_straight(&line(4, 8), Some(24_000)));
        assert!(!is_straight(&line(4, 8), None));
        assert!(!is_straight(&line(4, 7), Some(100)));
    }

    #[test]
    fn one_other_grade_breaks_the_line() {
        let mut places = line(2, 20);
        places[7].at = 3;
        assert!(!is_straight(&places, Some(100)));
        assert_eq!(longest_run(&places), 12);
    }

    #[test]
    fn the_same_place_on_another_scale_is_another_grade() {
        let mut places = line(2, 8);
        places[0].of = 7;
        assert!(!is_straight(&places, Some(100)));
    }

    #[test]
    fn nothing_has_no_run() {
        assert_eq!(longest_run(&[]), 0);
    }
}
