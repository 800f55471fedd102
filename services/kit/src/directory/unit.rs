//! Units and staff as the services see them.

use proto::auth::v1::{OpeningHours, Staff, Unit, UnitKind};
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
        })
    }

    /// Unit above at that instant; before the first parent that is remembered, that one.
    pub fn parent_at(&self, us: i64) -> Option<Uuid> {
        if us >= self.move_us || self.former_parents.is_empty() {
            return self.parent;
        }
        let begun = self.former_parents.iter().rev().find(|(_, from_us)| *from_us <= us);
        begun.or(self.former_parents.first()).map(|(parent, _)| *parent)
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
        };
        for (us, above) in [(-5, 1), (100, 1), (199, 1), (200, 2), (299, 2), (300, 3), (900, 3)] {
            assert_eq!(unit.parent_at(us), Some(ids[above]), "{us}");
        }
        unit.former_parents.clear();
        assert_eq!(unit.parent_at(0), Some(ids[3]));
    }
}
