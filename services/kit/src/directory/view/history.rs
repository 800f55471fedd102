//! The organisation as it was at an instant: tree, time zones, opening hours. Also late events
//! find what held when they happened.

use std::sync::Arc;

use jiff::tz::TimeZone;
use proto::auth::v1::{OpeningHours, UnitKind};
use uuid::Uuid;

use super::{OrgView, UnitInfo};
use crate::directory::unit::held;

impl OrgView {
    /// `id` and the units above it, as the tree was at that instant.
    pub fn upward_at(&self, id: Uuid, us: i64) -> impl Iterator<Item = Uuid> {
        self.climb_at(id, us).map(|unit| unit.id)
    }

    fn climb_at(&self, id: Uuid, us: i64) -> impl Iterator<Item = &Arc<UnitInfo>> {
        self.climb(id, move |unit| unit.parent_at(us))
    }

    /// The nearest unit that is not a window, as the tree was at that instant: what happened
    /// before a window was moved stays with the branch in which it happened.
    pub fn site_at(&self, unit: Uuid, us: i64) -> Uuid {
        let site = self.climb_at(unit, us).find(|unit| unit.kind != UnitKind::Window);
        site.map_or(unit, |site| site.id)
    }

    /// All sites that a unit ever had, its present one first.
    pub fn sites_ever(&self, unit: Uuid) -> Vec<Uuid> {
        let mut sites = vec![self.site_of(unit)];
        let moves = self.units.get(&unit).map(|unit| unit.former_parents.as_slice());
        for (_, from_us) in moves.unwrap_or_default() {
            let site = self.site_at(unit, *from_us);
            if !sites.contains(&site) {
                sites.push(site);
            }
        }
        sites
    }

    /// Since when, at that instant, a unit had stood below the same units and kept the same time
    /// zone; 0 for ever. What happened between two such moments can be counted together: it
    /// belongs to the same units and its days begin at the same hour.
    pub fn placed_since(&self, unit: Uuid, us: i64) -> i64 {
        let of_organisation = held(&self.time_zone, self.former_zones.0, &self.former_zones.1, us);
        self.climb_at(unit, us).fold(of_organisation.1, |since_us, unit| {
            since_us.max(unit.parent_since(us).1).max(unit.zone_since(us).1)
        })
    }

    /// Whether `unit` is `ancestor` or was ever below it.
    pub fn was_within(&self, unit: Uuid, ancestor: Uuid) -> bool {
        !self.times_within(unit, ancestor).is_empty()
    }

    /// When `unit` was `ancestor` or below it, latest first: since when, 0 for ever, and until
    /// when, not included, `i64::MAX` for still.
    pub fn times_within(&self, unit: Uuid, ancestor: Uuid) -> Vec<(i64, i64)> {
        let mut times: Vec<(i64, i64)> = Vec::new();
        let mut until_us = i64::MAX;
        loop {
            let at_us = if until_us == i64::MAX { until_us } else { until_us - 1 };
            let since_us = self.placed_since(unit, at_us).max(0);
            if self.upward_at(unit, at_us).any(|id| id == ancestor) {
                match times.last_mut() {
                    Some(later) if later.0 == until_us => later.0 = since_us,
                    _ => times.push((since_us, until_us)),
                }
            }
            if since_us == 0 {
                return times;
            }
            until_us = since_us;
        }
    }

    /// [`Self::time_zone_of`] as tree and zones were at that instant.
    pub fn time_zone_at(&self, unit: Uuid, us: i64) -> TimeZone {
        TimeZone::get(&self.time_zone_name_at(unit, us)).unwrap_or(TimeZone::UTC)
    }

    /// Name of [`Self::time_zone_at`].
    pub fn time_zone_name_at(&self, unit: Uuid, us: i64) -> String {
        let mut named = self.climb_at(unit, us).map(|unit| unit.zone_since(us).0);
        let named = named.find(|zone| !zone.is_empty());
        let of_organisation =
            || held(&self.time_zone, self.former_zones.0, &self.former_zones.1, us).0.as_str();
        named.unwrap_or_else(of_organisation).to_owned()
    }

    /// Opening hours of a unit, inherited like the time zone as the tree was at that instant;
    /// empty means unknown.
    pub fn opening_hours_at(&self, unit: Uuid, us: i64) -> &[OpeningHours] {
        let given = self.climb_at(unit, us).find(|unit| !unit.opening_hours.is_empty());
        given.map(|unit| unit.opening_hours.as_slice()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proto::{
        auth::v1::{Event, FormerParent, FormerTimeZone, Organisation, Unit, event::Change},
        names,
        time::from_us,
    };

    use super::*;

    const ROOT: Uuid = Uuid::from_u128(1);
    const EAST: Uuid = Uuid::from_u128(2);
    const WEST: Uuid = Uuid::from_u128(3);
    const BRANCH: Uuid = Uuid::from_u128(4);

    fn apply(view: OrgView, version: i64, change: Change) -> OrgView {
        let mut view = view;
        view.apply(&Event { organisation: String::new(), version, change: Some(change) });
        view.indexed()
    }

    fn unit(id: Uuid, parent: Option<Uuid>) -> Unit {
        Unit {
            name: names::print("units", id),
            parent: names::print_opt("units", parent),
            kind: UnitKind::Region as i32,
            ..Default::default()
        }
    }

    /// The branch was below EAST, from 100 on below WEST. WEST took the zone of Tokyo at 200,
    /// the organisation went from Shanghai to UTC at 50.
    fn view() -> OrgView {
        let zones = |zone: &str| {
            vec![FormerTimeZone { time_zone: zone.to_owned(), from_time: Some(from_us(0)) }]
        };
        let organisation = Organisation {
            time_zone: "UTC".to_owned(),
            time_zone_time: Some(from_us(50)),
            former_time_zones: zones("Asia/Shanghai"),
            ..Default::default()
        };
        let parent = names::print("units", EAST);
        let branch = Unit {
            move_time: Some(from_us(100)),
            former_parents: vec![FormerParent { parent, from_time: Some(from_us(7)) }],
            ..unit(BRANCH, Some(WEST))
        };
        let west = Unit {
            time_zone: "Asia/Tokyo".to_owned(),
            time_zone_time: Some(from_us(200)),
            former_time_zones: zones(""),
            ..unit(WEST, Some(ROOT))
        };
        let units = [unit(ROOT, None), unit(EAST, Some(ROOT)), west, branch];
        let changes = units.map(Change::UnitChanged);
        let first =
            apply(OrgView::empty(Uuid::from_u128(9)), 1, Change::OrganisationChanged(organisation));
        changes.into_iter().fold(first, |view, change| apply(view, 1, change))
    }

    #[test]
    fn tree_and_zone_of_any_time_are_known_and_how_long_they_held() {
        let view = view();
        for (us, region, zone, since) in [
            (-1, EAST, "Asia/Shanghai", 0),
            (49, EAST, "Asia/Shanghai", 0),
            (50, EAST, "UTC", 50),
            (99, EAST, "UTC", 50),
            (100, WEST, "UTC", 100),
            (199, WEST, "UTC", 100),
            (200, WEST, "Asia/Tokyo", 200),
            (i64::MAX, WEST, "Asia/Tokyo", 200),
        ] {
            let above: Vec<Uuid> = view.upward_at(BRANCH, us).collect();
            assert_eq!(above, [BRANCH, region, ROOT], "{us}");
            assert_eq!(view.time_zone_name_at(BRANCH, us), zone, "{us}");
            assert_eq!(view.placed_since(BRANCH, us), since, "{us}");
        }
        assert_eq!(view.time_zone_name_of(BRANCH), "Asia/Tokyo");
        assert!(view.was_within(BRANCH, EAST) && view.was_within(BRANCH, WEST));
        assert!(!view.is_within(BRANCH, EAST) && !view.was_within(EAST, WEST));
        assert_eq!(view.times_within(BRANCH, EAST), [(0, 100)]);
        assert_eq!(view.times_within(BRANCH, WEST), [(100, i64::MAX)], "whatever the zone");
        assert_eq!(view.times_within(BRANCH, ROOT), [(0, i64::MAX)]);
        assert_eq!(view.times_within(EAST, WEST), []);
    }
}
