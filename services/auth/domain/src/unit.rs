//! Units of an organisation: levels, names, codes, opening hours.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    history::{Former, remember},
};

const DAY_MINUTES: u16 = 24 * 60;

/// Level of a unit. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// Top of an organisation.
    Headquarters = 1,
    /// Region, province, city.
    Region = 2,
    /// Branch, hall, hospital.
    Branch = 3,
    /// Department inside of a branch.
    Department = 4,
    /// Service window; nothing lies below it.
    Window = 5,
}

impl UnitKind {
    /// Number in the contract.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// By its number in the contract.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Headquarters),
            2 => Some(Self::Region),
            3 => Some(Self::Branch),
            4 => Some(Self::Department),
            5 => Some(Self::Window),
            _ => None,
        }
    }
}

/// One opening of one weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningHours {
    /// ISO weekday: 1 Monday … 7 Sunday.
    pub weekday: u8,
    /// Minutes after local midnight at which it opens.
    pub open_minute: u16,
    /// Minutes after local midnight at which it closes.
    pub close_minute: u16,
}

/// A unit. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Id.
    pub id: Uuid,
    /// Unit above; none only for the headquarters.
    pub parent: Option<Uuid>,
    /// Level.
    pub kind: UnitKind,
    /// Display name, unique among siblings in use.
    pub display_name: String,
    /// The organisation's own code, unique among units in use; may be empty.
    pub code: String,
    /// IANA time zone; empty inherits.
    pub time_zone: String,
    /// Opening hours; empty inherits.
    pub opening_hours: Vec<OpeningHours>,
    /// Since when it exists.
    pub valid_from_us: i64,
    /// When it was retired.
    pub valid_to_us: Option<i64>,
    /// When the present parent became the parent.
    pub move_us: i64,
    /// Earlier parents, oldest first, each with the time since when it was the parent.
    pub former_parents: Former<Uuid>,
    /// Since when the time zone holds; 0 while it never changed.
    pub zone_us: i64,
    /// Earlier time zones.
    pub former_zones: Former<String>,
    /// Grows with every change.
    pub version: i64,
}

impl Unit {
    /// Whether it is not retired.
    pub fn in_use(&self) -> bool {
        self.valid_to_us.is_none()
    }

    /// Puts it below another unit from `now_us` on, or from when it was moved last if a clock
    /// says that this is later.
    pub fn move_below(&mut self, parent: Uuid, now_us: i64) {
        if let Some(former) = self.parent.replace(parent) {
            self.move_us = remember(&mut self.former_parents, former, self.move_us, now_us);
        }
    }

    /// Gives it another time zone from `now_us` on, or from when it was given the last one if a
    /// clock says that this is later. What was given before keeps its days.
    pub fn change_zone(&mut self, zone: String, now_us: i64) {
        if zone != self.time_zone {
            let former = std::mem::replace(&mut self.time_zone, zone);
            self.zone_us = remember(&mut self.former_zones, former, self.zone_us, now_us);
        }
    }
}

/// Checks opening hours and brings them into the order of the week.
///
/// # Errors
/// Invalid for a weekday, minute or order that is none, and for two that overlap.
pub fn opening_hours(field: &str, given: &[(i32, i32, i32)]) -> Result<Vec<OpeningHours>> {
    let mut hours = Vec::with_capacity(given.len());
    for (i, (weekday, open, close)) in given.iter().enumerate() {
        let wrong = |part: &str, problem: &str| {
            Error::invalid(format!("{field}[{i}].{part}"), problem.to_owned())
        };
        let minute = |part: &str, minute: i32| {
            let inside = u16::try_from(minute).ok().filter(|minute| *minute <= DAY_MINUTES);
            inside.ok_or_else(|| wrong(part, "is not between 0 and 1440"))
        };
        let weekday = u8::try_from(*weekday).ok().filter(|day| (1..=7).contains(day));
        let weekday = weekday.ok_or_else(|| wrong("weekday", "is not between 1 and 7"))?;
        let (open_minute, close_minute) =
            (minute("openMinute", *open)?, minute("closeMinute", *close)?);
        if close_minute <= open_minute {
            return Err(wrong("closeMinute", "is not after openMinute"));
        }
        hours.push(OpeningHours { weekday, open_minute, close_minute });
    }
    hours.sort_unstable_by_key(|h| (h.weekday, h.open_minute));
    let overlap = |pair: &[OpeningHours]| {
        pair[0].weekday == pair[1].weekday && pair[1].open_minute < pair[0].close_minute
    };
    if hours.windows(2).any(overlap) {
        return Err(Error::invalid(field, "has two that overlap"));
    }
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_unit_remembers_where_it_was_and_since_when() {
        let mut unit = Unit {
            id: Uuid::from_u128(1),
            parent: Some(Uuid::from_u128(2)),
            kind: UnitKind::Window,
            display_name: String::new(),
            code: String::new(),
            time_zone: String::new(),
            opening_hours: Vec::new(),
            valid_from_us: 5,
            valid_to_us: None,
            move_us: 5,
            former_parents: Vec::new(),
            zone_us: 0,
            former_zones: Vec::new(),
            version: 1,
        };
        unit.move_below(Uuid::from_u128(3), 10);
        unit.move_below(Uuid::from_u128(4), 7);
        let former = [(Uuid::from_u128(2), 5), (Uuid::from_u128(3), 10)];
        assert_eq!((unit.former_parents.as_slice(), unit.move_us), (former.as_slice(), 10));
        for zone in ["", "Asia/Tokyo", "Asia/Tokyo", "UTC"] {
            unit.change_zone(zone.to_owned(), 20);
        }
        let former = [(String::new(), 0), ("Asia/Tokyo".to_owned(), 20)];
        assert_eq!((unit.former_zones.as_slice(), unit.zone_us), (former.as_slice(), 20));
        assert_eq!(unit.time_zone, "UTC");
    }

    #[test]
    fn opening_hours_are_ordered_and_never_overlap() {
        let hours = opening_hours("h", &[(2, 0, 1440), (1, 780, 1020), (1, 540, 720)]).unwrap();
        let days: Vec<_> = hours.iter().map(|h| (h.weekday, h.open_minute)).collect();
        assert_eq!(days, [(1, 540), (1, 780), (2, 0)]);
        for (bad, field) in [
            ([(0, 540, 720)].as_slice(), "h[0].weekday"),
            (&[(1, 540, 720), (8, 1, 2)], "h[1].weekday"),
            (&[(1, -1, 720)], "h[0].openMinute"),
            (&[(1, 0, 1441)], "h[0].closeMinute"),
            (&[(1, 720, 720)], "h[0].closeMinute"),
            (&[(1, 540, 720), (1, 719, 800)], "h"),
        ] {
            match opening_hours("h", bad) {
                Err(Error::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{bad:?}: {other:?}"),
            }
        }
    }
}
