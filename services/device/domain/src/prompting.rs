//! Which customers were asked to rate, counted by what may have decided it: who served, what,
//! on which day, how long it took, and whether that person had just been rated badly.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

/// Ends of the classes of length in milliseconds, the last one open.
const LENGTHS_MS: [i64; 5] = [60_000, 120_000, 300_000, 600_000, 1_200_000];

/// Class of a length of service: 1 under 1 minute, 2 under 2, 3 under 5, 4 under 10, 5 under
/// 20, 6 from 20 minutes on; 0 where it is not known.
pub fn length_class(service_ms: Option<i64>) -> i32 {
    let Some(ms) = service_ms else { return 0 };
    let place = LENGTHS_MS.iter().position(|end| ms < *end).unwrap_or(LENGTHS_MS.len());
    i32::try_from(place + 1).unwrap_or_default()
}

/// A service that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Who served.
    pub staff: Uuid,
    /// Business type or empty.
    pub business_type: String,
    /// Local day at the site, by any numbering.
    pub day: i32,
    /// When it began, microseconds.
    pub begin_us: i64,
    /// How long it took in milliseconds, if known.
    pub service_ms: Option<i64>,
    /// Whether the customer was asked.
    pub prompted: bool,
    /// Press of its rating, and whether that was bad.
    pub rated: Option<(i64, bool)>,
}

/// What services are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Who served.
    pub staff: Uuid,
    /// Business type or empty.
    pub business_type: String,
    /// Local day.
    pub day: i32,
    /// See [`length_class`].
    pub length_class: i32,
    /// The last rating of the same person on the same day, before the service began, was bad.
    pub after_bad: bool,
}

/// Counts services that come in the order of their beginnings.
#[derive(Debug, Default)]
pub struct Counter {
    counts: BTreeMap<Key, (i64, i64)>,
    /// Ratings of each person on the latest day.
    ratings: HashMap<Uuid, (i32, Vec<(i64, bool)>)>,
}

impl Counter {
    /// Counts one more.
    pub fn add(&mut self, service: Service) {
        let (day, ratings) = self.ratings.entry(service.staff).or_default();
        if *day != service.day {
            *day = service.day;
            ratings.clear();
        }
        let before = ratings.iter().filter(|(press_us, _)| *press_us <= service.begin_us);
        let after_bad = before.max_by_key(|(press_us, _)| *press_us).is_some_and(|(_, bad)| *bad);
        ratings.extend(service.rated);
        let key = Key {
            site: service.site,
            staff: service.staff,
            business_type: service.business_type,
            day: service.day,
            length_class: length_class(service.service_ms),
            after_bad,
        };
        let (served, prompted) = self.counts.entry(key).or_default();
        *served += 1;
        *prompted += i64::from(service.prompted);
    }

    /// Services and those whose customer was asked.
    pub fn counts(self) -> BTreeMap<Key, (i64, i64)> {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(staff: u128, begin_us: i64, rated: Option<(i64, bool)>) -> Service {
        Service {
            site: Uuid::from_u128(1),
            staff: Uuid::from_u128(staff),
            business_type: String::new(),
            day: 7,
            begin_us,
            service_ms: Some(90_000),
            prompted: true,
            rated,
        }
    }

    #[test]
    fn lengths_fall_into_the_classes_that_the_contract_names() {
        let classes =
            [0, 59_999, 60_000, 119_999, 299_999, 599_999, 1_199_999, 1_200_000, 9_999_999]
                .map(|ms| length_class(Some(ms)));
        assert_eq!(classes, [1, 1, 2, 2, 3, 4, 5, 6, 6]);
        assert_eq!(length_class(None), 0);
    }

    #[test]
    fn only_a_bad_rating_before_the_service_of_the_same_person_and_day_counts() {
        let mut counter = Counter::default();
        counter.add(service(1, 100, Some((150, true))));
        counter.add(service(1, 200, Some((390, false))));
        counter.add(service(2, 250, None));
        // The good rating was pressed after this service began.
        counter.add(service(1, 300, None));
        counter.add(service(1, 400, Some((450, true))));
        counter.add(Service { day: 8, ..service(1, 500, None) });
        let counts = counter.counts();
        let after_bad: i64 =
            counts.iter().filter(|(key, _)| key.after_bad).map(|(_, (served, _))| served).sum();
        let all: i64 = counts.values().map(|(served, _)| served).sum();
        assert_eq!((after_bad, all), (2, 6), "{counts:?}");
        assert!(counts.keys().all(|key| !key.after_bad || key.staff == Uuid::from_u128(1)));
    }
}
