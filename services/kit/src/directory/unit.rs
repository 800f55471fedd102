//! Units and staff as the services see them.

use proto::auth::v1::{FormerTimeZone, OpeningHours, Staff, Unit, UnitKind};
use proto::{names, time};
use uuid::Uuid;

/// A unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitInfo {
    /// Its id.
    pub id: Uuid,
    /// Unit above; none for the headquarters.
    pub parent: Option<Uuid>,
    /// Level.
    pub kind: UnitKind,
    /// Display name.
    pub display_name: String,
    /// The organisation's own code.
    pub code: String,
    /// IANA time zone; empty inherits.
    pub time_zone: String,
    /// Opening hours; empty inherits.
    pub opening_hours: Vec<OpeningHours>,
    /// Since when it exists.
    pub valid_from_us: i64,
    /// When it was retired.
    pub valid_to_us: Option<i64>,
    /// Since when the present parent is the parent.
    pub move_us: i64,
    /// Earlier parents, oldest first, each with the time since when it was the parent.
    pub former_parents: Vec<(Uuid, i64)>,
    /// Since when the present time zone holds.
    pub zone_us: i64,
    /// Earlier time zones, as the parents.
    pub former_zones: Vec<(String, i64)>,
}

/// What held at an instant, and since when; the first value that is remembered holds for all
/// time before it, too, which is written as the year 1970.
pub(super) fn held<'a, T>(
    present: &'a T,
    since_us: i64,
    former: &'a [(T, i64)],
    us: i64,
) -> (&'a T, i64) {
    if former.is_empty() {
        return (present, 0);
    }
    if us >= since_us {
        return (present, since_us);
    }
    match former.iter().rposition(|(_, from_us)| *from_us <= us) {
        None | Some(0) => (&former[0].0, 0),
        Some(place) => (&former[place].0, former[place].1),
    }
}

/// Earlier time zones as the contract writes them.
pub(super) fn former_zones(former: &[FormerTimeZone]) -> Vec<(String, i64)> {
    let from_us = |zone: &FormerTimeZone| zone.from_time.as_ref().map_or(0, time::to_us);
    former.iter().map(|zone| (zone.time_zone.clone(), from_us(zone))).collect()
}

impl UnitInfo {
    /// From the contract; `None` for a unit without a name.
    pub(super) fn read(unit: &Unit) -> Option<Self> {
        let former = unit.former_parents.iter().filter_map(|former| {
            let from_us = former.from_time.as_ref().map_or(0, time::to_us);
            Some((names::parse("units", &former.parent)?, from_us))
        });
        Some(Self {
            id: names::parse("units", &unit.name)?,
            parent: names::parse("units", &unit.parent),
            kind: unit.kind(),
            display_name: unit.display_name.clone(),
            code: unit.code.clone(),
            time_zone: unit.time_zone.clone(),
            opening_hours: unit.opening_hours.clone(),
            valid_from_us: unit.valid_from.as_ref().map_or(0, time::to_us),
            valid_to_us: time::to_us_opt(unit.valid_to.as_ref()),
            move_us: unit.move_time.as_ref().map_or(0, time::to_us),
            former_parents: former.collect(),
            zone_us: unit.time_zone_time.as_ref().map_or(0, time::to_us),
            former_zones: former_zones(&unit.former_time_zones),
        })
    }

    /// Unit above at that instant; before the first parent that is remembered, that one.
    pub fn parent_at(&self, us: i64) -> Option<Uuid> {
        self.parent_since(us).0
    }

    /// Unit above at that instant, and since when it was.
    pub fn parent_since(&self, us: i64) -> (Option<Uuid>, i64) {
        match self.parent.as_ref() {
            Some(parent) => {
                let (parent, since_us) = held(parent, self.move_us, &self.former_parents, us);
                (Some(*parent), since_us)
            }
            None => (None, 0),
        }
    }

    /// Its own time zone at that instant, and since when; empty inherits.
    pub fn zone_since(&self, us: i64) -> (&str, i64) {
        let (zone, since_us) = held(&self.time_zone, self.zone_us, &self.former_zones, us);
        (zone, since_us)
    }
}

/// A staff member.
#[derive(Debug, Clone, PartialEq)]
pub struct StaffInfo {
    /// Id.
    pub id: Uuid,
    /// Staff number.
    pub number: String,
    /// Display name.
    pub display_name: String,
    /// Home unit.
    pub unit: Uuid,
    /// User account of the same person.
    pub user: Option<Uuid>,
    /// Whether the person left.
    pub retired: bool,
}

impl StaffInfo {
    /// From the contract; `None` for a person without a name or home unit.
    pub(super) fn read(staff: &Staff) -> Option<Self> {
        Some(Self {
            id: names::parse("staff", &staff.name)?,
            number: staff.staff_number.clone(),
            display_name: staff.display_name.clone(),
            unit: names::parse("units", &staff.unit)?,
            user: names::parse("users", &staff.user),
            retired: staff.retire_time.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_remembers_what_was_above_it_at_any_time() {
        let ids: Vec<Uuid> = (1..=4).map(Uuid::from_u128).collect();
        let mut unit = UnitInfo {
            id: ids[0],
            parent: Some(ids[3]),
            kind: UnitKind::Window,
            display_name: String::new(),
            code: String::new(),
            time_zone: String::new(),
            opening_hours: Vec::new(),
            valid_from_us: 0,
            valid_to_us: None,
            move_us: 300,
            former_parents: vec![(ids[1], 100), (ids[2], 200)],
            zone_us: 50,
            former_zones: vec![("UTC".to_owned(), 0)],
        };
        for (us, above) in [(-5, 1), (100, 1), (199, 1), (200, 2), (299, 2), (300, 3), (900, 3)] {
            assert_eq!(unit.parent_at(us), Some(ids[above]), "{us}");
        }
        let since: Vec<i64> =
            [-5, 100, 199, 200, 299, 300, 900].map(|us| unit.parent_since(us).1).into();
        assert_eq!(since, [0, 0, 0, 200, 200, 300, 300]);
        assert_eq!([49, 50].map(|us| unit.zone_since(us)), [("UTC", 0), ("", 50)]);
        unit.former_parents.clear();
        assert_eq!(unit.parent_at(0), Some(ids[3]));
    }
}
