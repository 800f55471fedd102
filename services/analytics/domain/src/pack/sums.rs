//! Which packs cells belong to, and which packs cover a stretch of days.

use std::{collections::BTreeMap, ops::Range};

use uuid::Uuid;

use super::{Pack, answer_key, rating_key};
use crate::{
    answer::AnswerKey,
    cell::{Counts, SiteKey},
    time::Bucket,
};

/// What a pack holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ratings and encounters of a site in a month.
    Months,
    /// The same with each local day apart.
    Days,
    /// Answers about a unit of a site in a month.
    Answers,
    /// Ratings by their overall item, and encounters, of a site in a calendar year with each
    /// local month apart.
    Years,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Months, Self::Days, Self::Answers, Self::Years];

    /// Its number in the database.
    pub fn number(self) -> i16 {
        match self {
            Self::Months => 1,
            Self::Days => 2,
            Self::Answers => 3,
            Self::Years => 4,
        }
    }

    /// How many months a pack holds. It stands under the first of them.
    pub fn months(self) -> usize {
        if self == Self::Years { 12 } else { 1 }
    }
}

/// Which pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackKey {
    /// Organisation.
    pub org: Uuid,
    /// What it holds, as [`Kind::number`].
    pub kind: i16,
    /// Local month, counted from January of year 0; January in packs of years.
    pub month: i32,
    /// Site.
    pub site: Uuid,
    /// Unit that the answers are about; nil in packs of ratings.
    pub unit: Uuid,
}

/// Packs by their keys. Ordered, so that writers lock rows in the same order.
pub type Packs = BTreeMap<PackKey, Pack>;

/// The month of a local day, counted from January of year 0.
pub fn month_of(day: i32) -> i32 {
    narrow(Bucket::Month.of_day(day.into()))
}

/// First local day of a month.
fn first_day(month: i32) -> i32 {
    narrow(Bucket::Month.first_day(month.into()))
}

/// Day of the month, 1 to 31.
fn day_in(month: i32, day: i32) -> u8 {
    u8::try_from(day.saturating_sub(first_day(month)) + 1).unwrap_or(u8::MAX)
}

/// The local day of a day of a month.
pub fn day_of(month: i32, day: u8) -> i32 {
    first_day(month).saturating_add(i32::from(day) - 1)
}

/// The January of a month's year.
pub fn january_of(month: i32) -> i32 {
    month.saturating_sub(month.rem_euclid(12))
}

/// Month of the year, 1 to 12: where packs of days hold the day of the month, those of years
/// hold this.
pub fn month_in(month: i32) -> u8 {
    u8::try_from(month.rem_euclid(12) + 1).unwrap_or(u8::MAX)
}

/// The packs that cells of sites by local day are part of.
pub fn of_sites(cells: &BTreeMap<SiteKey, Counts>) -> Packs {
    let mut packs = Packs::new();
    for (cell, counts) in cells {
        let (month, key) = (month_of(cell.time), rating_key(&cell.what));
        let mut add = |kind: Kind, month: i32, part: u8| {
            let (org, site, kind) = (cell.org, cell.site, kind.number());
            let pack = PackKey { org, kind, month, site, unit: Uuid::nil() };
            packs.entry(pack).or_default().add(&key, part, counts);
        };
        add(Kind::Months, month, 0);
        add(Kind::Days, month, day_in(month, cell.time));
        if cell.what.item.is_empty() {
            add(Kind::Years, january_of(month), month_in(month));
        }
    }
    packs.retain(|_, pack| !pack.is_empty());
    packs
}

/// The packs that cells of answers are part of. Options are not packed: no index counts them.
pub fn of_answers(cells: &BTreeMap<AnswerKey, Counts>) -> Packs {
    let mut packs = Packs::new();
    for (cell, counts) in cells.iter().filter(|(cell, _)| cell.option.is_empty()) {
        let (place, month) = (&cell.place, month_of(cell.day));
        let (org, site, unit) = (place.org, place.site, place.unit);
        let pack = PackKey { org, kind: Kind::Answers.number(), month, site, unit };
        packs.entry(pack).or_default().add(&answer_key(cell), 0, counts);
    }
    packs.retain(|_, pack| !pack.is_empty());
    packs
}

/// A stretch of days as whole months and what is left at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthCut {
    /// Months that lie in it wholly.
    pub whole: Range<i32>,
    /// Stretches of days within one further month each, the end not included; at most two.
    pub rest: Vec<Range<i32>>,
}

/// Cuts local days, the end not included, into whole months and the rest.
pub fn cut((from, to): (i32, i32)) -> MonthCut {
    if from >= to {
        return MonthCut { whole: 0..0, rest: Vec::new() };
    }
    let (first, last) = (month_of(from), month_of(to - 1));
    let starts_whole = first_day(first) == from;
    let ends_whole = first_day(last + 1) == to;
    if first == last && !(starts_whole && ends_whole) {
        return MonthCut { whole: first..first, rest: std::iter::once(from..to).collect() };
    }
    let whole_from = if starts_whole { first } else { first + 1 };
    let whole_to = if ends_whole { last + 1 } else { last };
    let mut rest = Vec::new();
    if !starts_whole {
        rest.push(from..first_day(first + 1));
    }
    if !ends_whole {
        rest.push(first_day(last)..to);
    }
    MonthCut { whole: whole_from..whole_to.max(whole_from), rest }
}

fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
