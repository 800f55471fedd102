//! Facts: what figures need to know of a rating or an encounter, and nothing more.

use uuid::Uuid;

/// Largest duration that is summed, in milliseconds: ten years. Longer ones are cut to it, so
/// that sums stay far from the end of an `i64`.
pub const DURATION_MS_MAX: i64 = 10 * 366 * 86_400_000;

/// Where something happened and who was there. Nil means none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Organisation.
    pub org: Uuid,
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Window.
    pub window: Uuid,
    /// Staff member.
    pub staff: Uuid,
    /// Business type; empty for none.
    pub business_type: String,
}

/// A rating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// Where.
    pub place: Place,
    /// When, microseconds since 1970 UTC.
    pub time_us: i64,
    /// Number of the channel.
    pub channel: i16,
    /// Template.
    pub template: Uuid,
    /// Item code and grade; the first is the overall item.
    pub grades: Vec<(String, Grade)>,
    /// Whether any trust mark is set.
    pub distrusted: bool,
    /// Since when, at that time, the site had stood below the same units and kept the same time
    /// zone, microseconds; 0 for ever. None where the source does not say.
    pub site_since_us: Option<i64>,
}

/// An encounter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encounter {
    /// Where.
    pub place: Place,
    /// When, microseconds since 1970 UTC.
    pub time_us: i64,
    /// Whether service was given.
    pub served: bool,
    /// Whether the customer was asked.
    pub prompted: bool,
    /// Whether the question was shown.
    pub shown: bool,
    /// How it ended, as far as known.
    pub end: End,
    /// Service time in milliseconds.
    pub service_ms: Option<i64>,
    /// Waiting time in milliseconds.
    pub waiting_ms: Option<i64>,
    /// Since when, at that time, the site had stood below the same units and kept the same time
    /// zone, microseconds; 0 for ever. None where the source does not say.
    pub site_since_us: Option<i64>,
}

/// How an encounter ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not ended in any of the ways below.
    Open,
    /// The question timed out.
    TimedOut,
    /// The customer declined.
    Skipped,
    /// Silence, closed by policy.
    Defaulted,
    /// Rated.
    Rated,
    /// The customer did not come.
    NoShow,
}

/// A grade that a cell has a place for: 0 to 109.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grade(u8);

/// Counts per row of a cell table.
pub const GRADES_PER_BLOCK: usize = 11;

impl Grade {
    /// Blocks that there can be: enough for scales from 0 to 100.
    pub const BLOCKS: i16 = 10;

    /// `None` outside of 0 to 109.
    pub fn new(value: i32) -> Option<Self> {
        let most = i32::from(Self::BLOCKS) * 11;
        u8::try_from(value).ok().filter(|_| value < most).map(Self)
    }

    /// The grade at place `index` of `block`.
    pub fn at(block: i16, index: usize) -> Option<Self> {
        Self::new(i32::from(block) * 11 + i32::try_from(index).ok()?)
    }

    /// Its value.
    pub fn value(self) -> i32 {
        i32::from(self.0)
    }

    /// Row of a cell that counts it.
    pub fn block(self) -> i16 {
        i16::from(self.0) / 11
    }

    /// Column in that row.
    pub fn index(self) -> usize {
        usize::from(self.0) % GRADES_PER_BLOCK
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Of a rating.
    Rating(Rating),
    /// Of an encounter.
    Encounter(Encounter),
}

impl Fact {
    /// Where it happened.
    pub fn place(&self) -> &Place {
        match self {
            Self::Rating(rating) => &rating.place,
            Self::Encounter(encounter) => &encounter.place,
        }
    }

    /// Since when its site had stood where it stood; none where the source does not say.
    pub fn site_since_us(&self) -> Option<i64> {
        match self {
            Self::Rating(rating) => rating.site_since_us,
            Self::Encounter(encounter) => encounter.site_since_us,
        }
    }

    /// When it happened, microseconds since 1970 UTC.
    pub fn time_us(&self) -> i64 {
        match self {
            Self::Rating(rating) => rating.time_us,
            Self::Encounter(encounter) => encounter.time_us,
        }
    }
}

/// A fact that is added or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The fact.
    pub fact: Fact,
    /// Whether it holds now, or no longer.
    pub holds: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grade_has_one_place() {
        for value in 0..110 {
            let grade = Grade::new(value).unwrap();
            assert_eq!(Grade::at(grade.block(), grade.index()), Some(grade));
            assert_eq!(grade.value(), value);
        }
        assert_eq!(Grade::new(10).unwrap().block(), 0);
        assert_eq!(Grade::new(100).unwrap().block(), 9);
        for bad in [-1, 110, i32::MAX, i32::MIN] {
            assert_eq!(Grade::new(bad), None);
        }
    }
}
