//! Which cells belong to a unit: those of all sites in its subtree, or of the one window.

use analytics_domain::plan::Zones;
use kit::{directory::OrgView, error::Result};
use proto::auth::v1::UnitKind;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::question::{Filter, Question};
use crate::store::{sums::Sites, zones};

/// Cells of a unit.
pub struct Scope {
    /// The unit is a window.
    pub is_window: bool,
    /// There are windows directly below it.
    pub over_windows: bool,
    unit: Uuid,
    /// Sites in the subtree; `None` for the whole organisation.
    sites: Option<Vec<Uuid>>,
}

impl Scope {
    /// Of the question's unit.
    pub fn of(view: &OrgView, question: &Question) -> Self {
        let unit = question.unit;
        let kind_is_window =
            |id: &Uuid| view.unit(*id).is_some_and(|unit| unit.kind == UnitKind::Window);
        let is_window = kind_is_window(&unit);
        let sites = if is_window {
            Some(view.sites_ever(unit))
        } else if view.root() == Some(unit) {
            None
        } else {
            Some(view.subtree(unit).into_iter().filter(|id| !kind_is_window(id)).collect())
        };
        let over_windows = view.children(unit).iter().any(kind_is_window);
        Self { is_window, over_windows, unit, sites }
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

    /// Sites to read.
    pub fn sites(&self, windows: &[Uuid], staff: &[Uuid]) -> Sites {
        match &self.sites {
            // A window keeps its history when it moves to another branch.
            _ if self.is_window => Sites::Any,
            None if windows.is_empty() && staff.is_empty() => Sites::All,
            None => Sites::Any,
            Some(sites) => Sites::List(sites.clone()),
        }
    }

    /// How the zone `asked` for relates to the zones in which the sites keep their days.
    pub async fn zones(
        &self,
        conn: &impl ConnectionTrait,
        org: Uuid,
        question: &Question,
        asked: &str,
    ) -> Result<Zones> {
        let kept = zones::of_sites(conn, org, None).await?;
        let same = |kept: &[String]| kept.iter().all(|zone| zone == asked);
        // Nearly always the organisation has one zone, and the long list need not be sent.
        let fits = same(&kept)
            || match &self.sites {
                Some(sites) => same(&zones::of_sites(conn, org, Some(sites)).await?),
                None => false,
            };
        Ok(match fits {
            true => Zones::Same,
            false if question.time_zone.is_empty() && question.is_by_dates() => Zones::OwnDays,
            false => Zones::Other,
        })
    }
}
