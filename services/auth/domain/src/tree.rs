//! Where a unit may stand: the tree stays a tree, not too deep and not too wide, windows are
//! its leaves, and siblings can be told apart.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    unit::{Unit, UnitKind},
};

/// Units on the way from the headquarters down to a leaf, both counted.
pub const DEPTH_MAX: usize = 32;
/// Units in use directly below one unit.
pub const CHILDREN_MAX: u64 = 1_000;
/// Units of one organisation, retired ones included.
pub const UNITS_MAX: u64 = 100_000;

/// What has to be known about the place where a unit is to stand.
#[derive(Debug, Clone)]
pub struct Place {
    /// Units from the headquarters down to and including the new parent.
    pub path: Vec<Uuid>,
    /// Level of the new parent.
    pub kind: UnitKind,
    /// Whether the new parent is not retired.
    pub in_use: bool,
    /// Units in use below the new parent now, the one to be placed not counted.
    pub children: u64,
    /// Whether one of them has the name of the unit to be placed.
    pub name_taken: bool,
}

/// Checks a new unit.
///
/// # Errors
/// Invalid, WrongState, Cycle (too deep), LimitReached or AlreadyExists.
pub fn check_new(kind: UnitKind, place: &Place, units: u64) -> Result<()> {
    if kind == UnitKind::Headquarters {
        let problem = "is headquarters, of which an organisation has one";
        return Err(Error::invalid("unit.kind", problem));
    }
    if units >= UNITS_MAX {
        return Err(Error::LimitReached("the organisation has as many units as it may have"));
    }
    check_place(1, place)
}

/// Checks a move. `height` counts the levels of the subtree that moves, 1 for a leaf.
///
/// # Errors
/// Cycle when the new place lies in the subtree itself or too deep; WrongState for a retired
/// unit or place; LimitReached or AlreadyExists.
pub fn check_move(unit: &Unit, height: usize, place: &Place) -> Result<()> {
    if place.path.contains(&unit.id) {
        return Err(Error::Cycle("a unit cannot lie below itself"));
    }
    if unit.kind == UnitKind::Headquarters {
        return Err(Error::WrongState("the headquarters stay at the top"));
    }
    if !unit.in_use() {
        return Err(Error::WrongState("the unit is retired"));
    }
    check_place(height, place)
}

fn check_place(height: usize, place: &Place) -> Result<()> {
    if !place.in_use {
        return Err(Error::WrongState("the unit above is retired"));
    }
    if place.kind == UnitKind::Window {
        return Err(Error::WrongState("a window has no units below it"));
    }
    if place.path.len() + height > DEPTH_MAX {
        return Err(Error::Cycle("units lie at most 32 levels deep"));
    }
    if place.children >= CHILDREN_MAX {
        return Err(Error::LimitReached("the unit above has 1000 units below it already"));
    }
    if place.name_taken {
        return Err(Error::AlreadyExists("a sibling has this name already"));
    }
    Ok(())
}

/// Checks that a unit can be retired.
///
/// # Errors
/// WrongState for the headquarters; InUse while units in use or active staff remain.
pub fn check_retire(unit: &Unit, children: u64, staff: u64) -> Result<()> {
    if unit.kind == UnitKind::Headquarters {
        return Err(Error::WrongState("the headquarters cannot be retired"));
    }
    if children > 0 {
        return Err(Error::InUse("there are units in use below it"));
    }
    if staff > 0 {
        return Err(Error::InUse("there are active staff who have it as home unit"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// A tree in memory that obeys the decisions.
    struct Model {
        parents: HashMap<Uuid, Option<Uuid>>,
    }

    impl Model {
        fn path(&self, id: Uuid) -> Vec<Uuid> {
            let mut path = vec![id];
            let mut at = id;
            while let Some(Some(parent)) = self.parents.get(&at) {
                path.push(*parent);
                at = *parent;
                assert!(path.len() <= self.parents.len(), "the tree became a circle");
            }
            path.reverse();
            path
        }

        fn height(&self, id: Uuid) -> usize {
            let children = self.parents.iter().filter(|(_, parent)| **parent == Some(id));
            1 + children.map(|(child, _)| self.height(*child)).max().unwrap_or(0)
        }

        fn place(&self, parent: Uuid) -> Place {
            let children = self.parents.values().filter(|p| **p == Some(parent)).count();
            Place {
                path: self.path(parent),
                kind: UnitKind::Branch,
                in_use: true,
                children: children as u64,
                name_taken: false,
            }
        }
    }

    fn unit(id: Uuid, parent: Option<Uuid>) -> Unit {
        Unit {
            former_parents: Vec::new(),
            zone_us: 0,
            former_zones: Vec::new(),
            id,
            parent,
            kind: if parent.is_some() { UnitKind::Branch } else { UnitKind::Headquarters },
            display_name: String::new(),
            code: String::new(),
            time_zone: String::new(),
            opening_hours: Vec::new(),
            valid_from_us: 0,
            valid_to_us: None,
            move_us: 0,
            version: 1,
        }
    }

    proptest! {
        #[test]
        fn whatever_moves_are_allowed_the_tree_stays_a_tree(
            steps in prop::collection::vec((any::<bool>(), 0..60_usize, 0..60_usize), 1..200),
        ) {
            let root = Uuid::from_u128(1);
            let mut model = Model { parents: HashMap::from([(root, None)]) };
            for (create, a, b) in steps {
                let count = model.parents.len() as u128;
                let ids: Vec<Uuid> = (1..=count).map(Uuid::from_u128).collect();
                let parent = ids[a % ids.len()];
                let place = model.place(parent);
                if create {
                    // Chains grow fast: mostly below the youngest.
                    let parent = if b % 4 == 0 { parent } else { ids[ids.len() - 1] };
                    let place = model.place(parent);
                    if check_new(UnitKind::Branch, &place, 0).is_ok() {
                        let id = Uuid::from_u128(ids.len() as u128 + 1);
                        model.parents.insert(id, Some(parent));
                    }
                } else {
                    let moved = ids[b % ids.len()];
                    let allowed = check_move(
                        &unit(moved, model.parents[&moved]), model.height(moved), &place,
                    );
                    if place.path.contains(&moved) {
                        prop_assert!(matches!(allowed, Err(Error::Cycle(_))));
                    }
                    if allowed.is_ok() {
                        model.parents.insert(moved, Some(parent));
                    }
                }
                for id in model.parents.keys() {
                    let path = model.path(*id);
                    prop_assert!(path[0] == root && path.len() <= DEPTH_MAX);
                }
            }
        }
    }

    #[test]
    fn places_that_cannot_take_a_unit_refuse_it() {
        let good = Place {
            path: vec![Uuid::from_u128(1)],
            kind: UnitKind::Branch,
            in_use: true,
            children: 0,
            name_taken: false,
        };
        let check = |place: &Place| check_new(UnitKind::Window, place, 1);
        assert_eq!(check(&good), Ok(()));
        let window = Place { kind: UnitKind::Window, ..good.clone() };
        assert!(matches!(check(&window), Err(Error::WrongState(_))));
        let retired = Place { in_use: false, ..good.clone() };
        assert!(matches!(check(&retired), Err(Error::WrongState(_))));
        let full = Place { children: CHILDREN_MAX, ..good.clone() };
        assert!(matches!(check(&full), Err(Error::LimitReached(_))));
        let taken = Place { name_taken: true, ..good.clone() };
        assert!(matches!(check(&taken), Err(Error::AlreadyExists(_))));
        let deep = Place { path: vec![Uuid::nil(); 32], ..good.clone() };
        assert!(matches!(check(&deep), Err(Error::Cycle(_))));
        assert!(matches!(check_new(UnitKind::Headquarters, &good, 1), Err(Error::Invalid { .. })));
        assert!(matches!(
            check_new(UnitKind::Window, &good, UNITS_MAX),
            Err(Error::LimitReached(_))
        ));
    }

    #[test]
    fn headquarters_neither_move_nor_retire() {
        let root = unit(Uuid::from_u128(1), None);
        assert!(matches!(check_retire(&root, 0, 0), Err(Error::WrongState(_))));
        let branch = unit(Uuid::from_u128(2), Some(root.id));
        assert!(matches!(check_retire(&branch, 1, 0), Err(Error::InUse(_))));
        assert!(matches!(check_retire(&branch, 0, 1), Err(Error::InUse(_))));
        assert_eq!(check_retire(&branch, 0, 0), Ok(()));
    }
}
