//! Which cells belong to a unit: those of all sites in its subtree, or of the one window.

use std::{collections::HashSet, sync::Arc};

use analytics_domain::{period::Period, plan::Zones};
use kit::directory::OrgView;
use proto::auth::v1::UnitKind;
use uuid::Uuid;

use super::question::{Filter, Question};
use crate::store::{
    placements::{Placement, Placements},
    sums::Sites,
};

/// Cells of a unit.
pub struct Scope {
    /// The unit is a window.
    pub is_window: bool,
    /// There are windows directly below it.
    pub over_windows: bool,
    unit: Uuid,
    placements: Arc<Placements>,
    /// Stretches of sites that count for the unit; `None` for the whole organisation.
    sites: Option<Vec<Uuid>>,
    /// Those of them that the caller may not see where they stand now.
    foreign: HashSet<Uuid>,
    /// Sites that the unit had, if it is a window.
    of_window: Vec<Uuid>,
}

impl Scope {
    /// Of the question's unit.
    pub fn of(view: &OrgView, question: &Question, placements: Arc<Placements>) -> Self {
        let unit = question.unit;
        let kind_is_window =
            |id: &Uuid| view.unit(*id).is_some_and(|unit| unit.kind == UnitKind::Window);
        let is_window = kind_is_window(&unit);
        let of_window = if is_window { view.sites_ever(unit) } else { Vec::new() };
        let mut foreign = HashSet::new();
        let sites = if is_window || view.root() == Some(unit) {
            None
        } else {
            let counts = |p: &&Placement| question.tree.upward(view, p).any(|id| id == unit);
            let found: Vec<&Placement> = placements.iter().filter(counts).collect();
            let is_foreign = |site| !question.seen.iter().any(|top| view.is_within(site, *top));
            if !question.seen.is_empty() {
                let hidden = found.iter().filter(|p| is_foreign(p.site));
                foreign = hidden.map(|p| p.id).collect();
            }
            Some(found.iter().map(|p| p.id).collect())
        };
        let over_windows = view.children(unit).iter().any(kind_is_window);
        Self { is_window, over_windows, unit, placements, sites, foreign, of_window }
    }

    /// Windows to read; empty for all.
    pub fn windows(&self, filter: &Filter) -> Vec<Uuid> {
        match (self.is_window, filter.windows.is_empty()) {
            (false, _) => filter.windows.clone(),
            (true, true) => vec![self.unit],
            (true, false) if filter.windows.contains(&self.unit) => vec![self.unit],
            // Other windows than the unit: no window has this id, so nothing is read.
            (true, false) => vec![Uuid::max()],
        }
    }

    /// Stretches of sites to read.
    pub fn sites(&self, windows: &[Uuid], staff: &[Uuid]) -> Sites {
        match &self.sites {
            // A window keeps its history when it moves to another branch.
            _ if self.is_window => Sites::Any,
            None if windows.is_empty() && staff.is_empty() => Sites::All,
            None => Sites::Any,
            Some(sites) if windows.is_empty() || self.foreign.is_empty() => {
                Sites::List(sites.clone())
            }
            // Windows that the caller may not see are not to be asked for one by one.
            Some(sites) => {
                let own = sites.iter().filter(|id| !self.foreign.contains(id));
                Sites::List(own.copied().collect())
            }
        }
    }

    /// Whether some of it lies where the caller may not see it now.
    pub fn has_foreign(&self) -> bool {
        !self.foreign.is_empty()
    }

    /// Whether cells with this id are such.
    pub fn is_foreign(&self, id: Uuid) -> bool {
        self.foreign.contains(&id)
    }

    /// The unit directly below the unit that a cell belongs to: the way down to its site, or its
    /// window where the site is the unit itself.
    pub fn child(&self, view: &OrgView, question: &Question, id: Uuid, window: Uuid) -> Uuid {
        let unit = self.unit;
        let Some(placement) = self.placements.get(id).filter(|p| !self.is_foreign(p.id)) else {
            return unit;
        };
        if placement.site == unit {
            return if window.is_nil() { unit } else { window };
        }
        let mut below = unit;
        for above in question.tree.upward(view, placement) {
            if above == unit {
                return below;
            }
            below = above;
        }
        unit
    }

    /// How the zone `asked` for relates to the zones in which the sites keep their days.
    pub fn zones(&self, question: &Question, asked: &str, period: &Period) -> Zones {
        let from_us = if question.compare.is_some() { i64::MIN } else { period.from_us };
        let listed: Option<HashSet<Uuid>> =
            self.sites.as_ref().map(|sites| sites.iter().copied().collect());
        let counts = |p: &&Placement| match &listed {
            Some(listed) => listed.contains(&p.id),
            None => !self.is_window || self.of_window.contains(&p.site),
        };
        let lasts = |p: &&Placement| p.since_us < period.to_us && p.until_us > from_us;
        let mut kept = self.placements.iter().filter(lasts).filter(counts);
        match kept.all(|placement| placement.zone == asked) {
            true => Zones::Same,
            false if question.time_zone.is_empty() && question.is_by_dates() => Zones::OwnDays,
            false => Zones::Other,
        }
    }
}
