//! The units of a run, and which cells belong to each of them.

use std::collections::{HashMap, HashSet};

use kit::directory::OrgView;
use proto::auth::v1::UnitKind;
use uuid::Uuid;

use crate::store::sums::Sites;

/// From how many sites on the whole organisation is read instead of a list.
const LIST_MAX: usize = 2_000;

/// Units of a run.
pub struct Targets {
    /// Place of each unit.
    places: HashMap<Uuid, usize>,
    /// Windows among them.
    pub windows: Vec<Uuid>,
    /// Sites of the others; windows' sites are found by the window.
    pub sites: Sites,
    /// Sites at or above windows among the units, for answers about them.
    pub answer_sites: Sites,
    /// They are members of staff.
    pub is_staff: bool,
    /// Units above each unit that was seen, as places.
    above: HashMap<Uuid, Vec<usize>>,
}

impl Targets {
    /// Of these units, each once.
    pub fn of(view: &OrgView, units: &[Uuid]) -> Self {
        let places: HashMap<Uuid, usize> =
            units.iter().enumerate().map(|(place, unit)| (*unit, place)).collect();
        let is_window = |id: &Uuid| view.unit(*id).is_some_and(|u| u.kind == UnitKind::Window);
        let windows: Vec<Uuid> = units.iter().copied().filter(is_window).collect();
        let mut sites: HashSet<Uuid> = HashSet::new();
        let mut whole = false;
        for unit in units.iter().filter(|unit| !is_window(unit)) {
            whole |= view.root() == Some(*unit);
            if !whole && !sites.contains(unit) {
                sites.extend(view.subtree(*unit).into_iter().filter(|id| !is_window(id)));
            }
        }
        let with_windows: HashSet<Uuid> =
            windows.iter().map(|id| view.site_of(*id)).chain(sites.iter().copied()).collect();
        let above = view.units().map(|unit| {
            let found = view.upward(unit.id).filter_map(|id| places.get(&id).copied());
            (unit.id, found.collect())
        });
        let above = above.collect();
        Self {
            windows,
            sites: list(whole, sites),
            answer_sites: list(whole, with_windows),
            is_staff: false,
            above,
            places,
        }
    }

    /// Members of staff, each once, at whatever site of `unit` they worked.
    pub fn of_staff(view: &OrgView, unit: Uuid, staff: &[Uuid]) -> Self {
        let within = Self::of(view, &[unit]);
        let places = staff.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Self { places, is_staff: true, windows: Vec::new(), ..within }
    }

    /// How many units.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Places of the units that `unit` lies in, itself included.
    pub fn above(&self, unit: Uuid) -> &[usize] {
        self.above.get(&unit).map_or(&[], Vec::as_slice)
    }

    /// Place of a unit itself.
    pub fn place(&self, unit: Uuid) -> Option<usize> {
        self.places.get(&unit).copied()
    }
}

fn list(whole: bool, sites: HashSet<Uuid>) -> Sites {
    if whole || sites.len() > LIST_MAX {
        return Sites::All;
    }
    let mut sites: Vec<Uuid> = sites.into_iter().collect();
    sites.sort_unstable();
    Sites::List(sites)
}
