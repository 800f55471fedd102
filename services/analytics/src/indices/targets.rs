//! The units of a run, and which cells belong to each of them.

use std::collections::{HashMap, HashSet};

use kit::directory::OrgView;
use proto::auth::v1::UnitKind;
use uuid::Uuid;

use crate::store::{
    placements::{Placements, Tree},
    sums::Sites,
};

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
    /// The same as a list, however long.
    pub answer_list: Vec<Uuid>,
    /// They are members of staff.
    pub is_staff: bool,
    /// How the units lie within each other.
    pub nesting: Nesting,
    /// Units that each stretch of a site counts for, as places.
    above: HashMap<Uuid, Vec<usize>>,
}

impl Targets {
    /// Of these units, each once, in local days from the first to before the second.
    pub fn of(
        view: &OrgView,
        placements: &Placements,
        tree: Tree,
        units: &[Uuid],
        days: (i32, i32),
    ) -> Self {
        // A day more on both sides, for offsets from UTC.
        let us = |day: i32| i64::from(day).saturating_mul(86_400_000_000);
        let (from_us, end_us) = (us(days.0.saturating_sub(1)), us(days.1.saturating_add(1)));
        let places: HashMap<Uuid, usize> =
            units.iter().enumerate().map(|(place, unit)| (*unit, place)).collect();
        let is_window = |id: &Uuid| view.unit(*id).is_some_and(|u| u.kind == UnitKind::Window);
        let windows: Vec<Uuid> = units.iter().copied().filter(is_window).collect();
        let whole = view.root().is_some_and(|root| places.contains_key(&root));
        let of_windows: HashSet<Uuid> =
            windows.iter().flat_map(|id| view.sites_ever(*id)).collect();
        let (mut sites, mut with_windows) = (HashSet::new(), HashSet::new());
        let mut above = HashMap::new();
        let mut nesting = Nested::new(units.len());
        let at_windows = windows_by_site(view, &windows, &places);
        for placement in placements.iter() {
            let found = tree.upward(view, placement).filter_map(|id| places.get(&id).copied());
            let found: Vec<usize> = found.collect();
            if !found.is_empty() {
                sites.insert(placement.id);
            }
            let in_days = placement.since_us < end_us && placement.until_us > from_us;
            if in_days {
                nesting.add(&found, at_windows.get(&placement.site).map_or(&[], Vec::as_slice));
            }
            if !found.is_empty() || of_windows.contains(&placement.site) {
                with_windows.insert(placement.id);
            }
            above.insert(placement.id, found);
        }
        let mut answer_list: Vec<Uuid> = with_windows.iter().copied().collect();
        answer_list.sort_unstable();
        Self {
            windows,
            sites: list(whole, sites),
            answer_sites: list(whole, with_windows),
            answer_list,
            is_staff: false,
            nesting: nesting.end(),
            above,
            places,
        }
    }

    /// Members of staff, each once, at whatever site of `unit` they worked.
    pub fn of_staff(
        view: &OrgView,
        placements: &Placements,
        tree: Tree,
        unit: Uuid,
        staff: &[Uuid],
        days: (i32, i32),
    ) -> Self {
        let within = Self::of(view, placements, tree, &[unit], days);
        let places = staff.iter().enumerate().map(|(place, id)| (*id, place)).collect();
        Self { places, is_staff: true, windows: Vec::new(), ..within }
    }

    /// How many units.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Places of the units that cells of a site count for.
    pub fn above(&self, site: Uuid) -> &[usize] {
        self.above.get(&site).map_or(&[], Vec::as_slice)
    }

    /// Places of the units that answers about `unit` count for; `site` as cells know it.
    pub fn above_answers(&self, site: Uuid, unit: Uuid) -> impl Iterator<Item = usize> {
        let above = self.above(site);
        // A window lies below its site, and is not among the units above it.
        let own = self.windows.contains(&unit).then(|| self.place(unit)).flatten();
        above.iter().copied().chain(own)
    }

    /// Whether answers about `unit` count at all.
    pub fn counts(&self, site: Uuid, unit: Uuid) -> bool {
        self.above_answers(site, unit).next().is_some()
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

/// Places of the windows among the units, by the sites that they ever had.
fn windows_by_site(
    view: &OrgView,
    windows: &[Uuid],
    places: &HashMap<Uuid, usize>,
) -> HashMap<Uuid, Vec<usize>> {
    let mut found: HashMap<Uuid, Vec<usize>> = HashMap::new();
    for window in windows {
        for site in view.sites_ever(*window) {
            found.entry(site).or_default().extend(places.get(window));
        }
    }
    found
}

/// How units of a question lie within each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nesting {
    /// For each unit the next larger one that it lies in, if any.
    Nested(Vec<Option<usize>>),
    /// Some moved, so that a unit belongs to one unit for a time and then to another: which of
    /// them hold others.
    Mixed(Vec<bool>),
}

/// Finds the nesting from chains of units, smallest first.
struct Nested {
    parents: Vec<Option<Option<usize>>>,
    upper: Vec<bool>,
    mixed: bool,
}

impl Nested {
    fn new(units: usize) -> Self {
        Self { parents: vec![None; units], upper: vec![false; units], mixed: false }
    }

    fn add(&mut self, chain: &[usize], windows: &[usize]) {
        for window in windows {
            self.lies_in(*window, chain.first().copied());
        }
        for (place, unit) in chain.iter().enumerate() {
            self.lies_in(*unit, chain.get(place + 1).copied());
        }
    }

    fn lies_in(&mut self, unit: usize, parent: Option<usize>) {
        if let Some(parent) = parent {
            self.upper[parent] = true;
        }
        self.mixed |= self.parents[unit].replace(parent).is_some_and(|before| before != parent);
    }

    fn end(self) -> Nesting {
        if self.mixed {
            return Nesting::Mixed(self.upper);
        }
        Nesting::Nested(self.parents.into_iter().map(Option::flatten).collect())
    }
}
