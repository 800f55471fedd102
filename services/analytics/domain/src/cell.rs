//! Cells: sums of facts, additive in every column, so that facts may come in any order.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::{
    fact::{Change, DURATION_MS_MAX, Encounter, End, Fact, GRADES_PER_BLOCK, Place, Rating},
    time::{local_day, quarter_of},
};

/// Columns that count encounters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// All encounters.
    Encounters,
    /// Service given.
    Served,
    /// Customer asked.
    Prompted,
    /// Question shown.
    Shown,
    /// Ended rated.
    Rated,
    /// Ended declined.
    Skipped,
    /// Ended timed out.
    TimedOut,
    /// Ended as silence by policy.
    Defaulted,
    /// Ended by not coming.
    NoShow,
    /// Services whose length is known.
    ServiceN,
    /// Sum of their lengths in milliseconds.
    ServiceMs,
    /// Services whose waiting time is known.
    WaitingN,
    /// Sum of their waiting times in milliseconds.
    WaitingMs,
}

/// Number of encounter columns.
pub const COLUMNS: usize = 13;

/// Their names in the order of [`Column`].
pub const COLUMN_NAMES: [&str; COLUMNS] = [
    "encounters",
    "served",
    "prompted",
    "shown",
    "rated",
    "skipped",
    "timed_out",
    "defaulted",
    "no_show",
    "service_n",
    "service_ms_sum",
    "waiting_n",
    "waiting_ms_sum",
];

/// The counts of a cell. A row holds either grades or encounters, the other part is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Ratings per grade of the row's block.
    pub grades: [i64; GRADES_PER_BLOCK],
    /// Encounters, by [`Column`].
    pub encounters: [i64; COLUMNS],
}

impl Counts {
    /// One column of encounters.
    pub fn get(&self, column: Column) -> i64 {
        self.encounters[column as usize]
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        self.all().all(|count| count == 0)
    }

    /// Whether a count is below zero.
    pub fn has_negative(&self) -> bool {
        self.all().any(|count| count < 0)
    }

    /// Adds another cell.
    pub fn add(&mut self, other: &Self) {
        let grades = self.grades.iter_mut().zip(other.grades);
        let encounters = self.encounters.iter_mut().zip(other.encounters);
        for (sum, more) in grades.chain(encounters) {
            *sum = sum.saturating_add(more);
        }
    }

    fn all(&self) -> impl Iterator<Item = i64> {
        self.grades.into_iter().chain(self.encounters)
    }
}

/// What a row counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct What {
    /// Template; nil for encounters.
    pub template: Uuid,
    /// Item code; empty for the overall item and for encounters.
    pub item: String,
    /// 0 trusted, 1 distrusted.
    pub class: i16,
    /// Which eleven grades.
    pub block: i16,
}

impl What {
    /// The row of encounters.
    pub fn encounters() -> Self {
        Self { template: Uuid::nil(), item: String::new(), class: 0, block: 0 }
    }

    /// Whether it is the row of encounters.
    pub fn is_encounters(&self) -> bool {
        self.template.is_nil()
    }
}

/// Key of a cell of a site: of a quarter hour or of a local day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteKey {
    /// Organisation.
    pub org: Uuid,
    /// Site.
    pub site: Uuid,
    /// UTC quarter hour, or local day.
    pub time: i32,
    /// What is counted.
    pub what: What,
}

/// Key of a cell of a day with everything else that is grouped by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayKey {
    /// Place; the site's local day follows.
    pub place: Place,
    /// Local day of the site.
    pub day: i32,
    /// Channel; 0 for encounters.
    pub channel: i16,
    /// What is counted.
    pub what: What,
}

/// Changes of cells, summed. Keys are ordered, so that concurrent writers lock rows in the
/// same order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deltas {
    /// By site and quarter hour.
    pub quarter: BTreeMap<SiteKey, Counts>,
    /// By site and local day.
    pub site_day: BTreeMap<SiteKey, Counts>,
    /// By local day and everything else.
    pub day: BTreeMap<DayKey, Counts>,
}

impl Deltas {
    /// Adds a change to the cells of its site; `zone` is the zone of the site's days.
    pub fn add(&mut self, change: &Change, zone: &TimeZone) {
        self.add_under(change, change.fact.place().site, zone);
    }

    /// Adds a change to the cells with the id `site` in the place of its site's own.
    pub fn add_under(&mut self, change: &Change, site: Uuid, zone: &TimeZone) {
        let sign = if change.holds { 1 } else { -1 };
        match &change.fact {
            Fact::Rating(rating) => self.add_rating(rating, sign, site, zone),
            Fact::Encounter(encounter) => self.add_encounter(encounter, sign, site, zone),
        }
    }

    /// Drops what cancelled out.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.quarter.retain(|_, counts| !counts.is_zero());
        self.site_day.retain(|_, counts| !counts.is_zero());
        self.day.retain(|_, counts| !counts.is_zero());
        self
    }

    fn add_rating(&mut self, rating: &Rating, sign: i64, site: Uuid, zone: &TimeZone) {
        let times = Times::of(rating.time_us, zone);
        let place = Place { site, ..rating.place.clone() };
        for (index, (item, grade)) in rating.grades.iter().enumerate() {
            let what = What {
                template: rating.template,
                item: if index == 0 { String::new() } else { item.clone() },
                class: i16::from(rating.distrusted),
                block: grade.block(),
            };
            self.each(&place, times, rating.channel, &what, |counts| {
                counts.grades[grade.index()] += sign;
            });
        }
    }

    fn add_encounter(&mut self, encounter: &Encounter, sign: i64, site: Uuid, zone: &TimeZone) {
        let times = Times::of(encounter.time_us, zone);
        let place = Place { site, ..encounter.place.clone() };
        let one = counts_of(encounter, sign);
        self.each(&place, times, 0, &What::encounters(), |counts| counts.add(&one));
    }

    fn each(
        &mut self,
        place: &Place,
        times: Times,
        channel: i16,
        what: &What,
        change: impl Fn(&mut Counts),
    ) {
        let site_key =
            |time| SiteKey { org: place.org, site: place.site, time, what: what.clone() };
        change(self.quarter.entry(site_key(times.quarter)).or_default());
        change(self.site_day.entry(site_key(times.day)).or_default());
        let key = DayKey { place: place.clone(), day: times.day, channel, what: what.clone() };
        change(self.day.entry(key).or_default());
    }
}

#[derive(Clone, Copy)]
struct Times {
    quarter: i32,
    day: i32,
}

impl Times {
    fn of(us: i64, zone: &TimeZone) -> Self {
        Self { quarter: quarter_of(us), day: local_day(us, zone) }
    }
}

fn counts_of(encounter: &Encounter, sign: i64) -> Counts {
    let mut counts = Counts::default();
    let mut put = |column: Column, value: i64| counts.encounters[column as usize] = value * sign;
    put(Column::Encounters, 1);
    put(Column::Served, i64::from(encounter.served));
    put(Column::Prompted, i64::from(encounter.prompted));
    put(Column::Shown, i64::from(encounter.shown));
    match encounter.end {
        End::Open => {}
        End::TimedOut => put(Column::TimedOut, 1),
        End::Skipped => put(Column::Skipped, 1),
        End::Defaulted => put(Column::Defaulted, 1),
        End::Rated => put(Column::Rated, 1),
        End::NoShow => put(Column::NoShow, 1),
    }
    if let Some(ms) = encounter.service_ms {
        put(Column::ServiceN, 1);
        put(Column::ServiceMs, ms.clamp(0, DURATION_MS_MAX));
    }
    if let Some(ms) = encounter.waiting_ms {
        put(Column::WaitingN, 1);
        put(Column::WaitingMs, ms.clamp(0, DURATION_MS_MAX));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Grade;

    fn place() -> Place {
        Place {
            org: Uuid::from_u128(1),
            site: Uuid::from_u128(2),
            window: Uuid::from_u128(3),
            staff: Uuid::nil(),
            business_type: String::new(),
        }
    }

    fn rating(grade: i32) -> Fact {
        let grades = vec![
            ("overall".to_owned(), Grade::new(grade).unwrap()),
            ("speed".to_owned(), Grade::new(1).unwrap()),
        ];
        Fact::Rating(Rating {
            place: place(),
            time_us: 1_795_000_000_000_000,
            channel: 1,
            template: Uuid::from_u128(9),
            grades,
            distrusted: false,
            site_since_us: None,
        })
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut deltas = Deltas::default();
        let fact = rating(5);
        deltas.add(&Change { fact: fact.clone(), holds: false }, &TimeZone::UTC);
        deltas.add(&Change { fact, holds: true }, &TimeZone::UTC);
        assert_eq!(deltas.settled(), Deltas::default());
    }

    #[test]
    fn the_overall_item_has_no_code_and_large_grades_have_their_block() {
        let mut deltas = Deltas::default();
        deltas.add(&Change { fact: rating(100), holds: true }, &TimeZone::UTC);
        let rows: Vec<_> = deltas.site_day.iter().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].0.what.item.as_str(), rows[0].0.what.block), ("", 9));
        assert_eq!(rows[0].1.grades[1], 1);
        assert_eq!((rows[1].0.what.item.as_str(), rows[1].0.what.block), ("speed", 0));
    }

    #[test]
    fn an_encounter_counts_once_in_each_table() {
        let encounter = Encounter {
            place: place(),
            time_us: 0,
            served: true,
            prompted: true,
            shown: false,
            end: End::Defaulted,
            service_ms: Some(i64::MAX),
            waiting_ms: None,
            site_since_us: None,
        };
        let mut deltas = Deltas::default();
        deltas.add(&Change { fact: Fact::Encounter(encounter), holds: true }, &TimeZone::UTC);
        let counts = deltas.day.values().next().unwrap();
        assert_eq!(counts.get(Column::Encounters), 1);
        assert_eq!(counts.get(Column::Defaulted), 1);
        assert_eq!(counts.get(Column::ServiceMs), DURATION_MS_MAX);
        assert_eq!(counts.get(Column::WaitingN), 0);
        assert_eq!((deltas.quarter.len(), deltas.site_day.len(), deltas.day.len()), (1, 1, 1));
    }
}
