//! Writes the facts and definitions of new groups, in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use analytics_domain::{answer, answer::ResponseChange, cell::Deltas, time::local_day};
use jiff::tz::TimeZone;
use kit::{
    db::WriteTx,
    directory::OrgView,
    error::{Result, ServiceError},
};
use uuid::Uuid;

use super::{Applier, CHECK_NEGATIVE_US, Memory, Prepared, Stretch, Zones};
use crate::store::{
    cells,
    placements::{self, Placement},
    questionnaires, state, templates, vectors,
};

/// What a transaction did besides changing rows.
#[derive(Default)]
pub(super) struct Written {
    sites: BTreeSet<(Uuid, Uuid)>,
    zones: Zones,
}

impl Applier {
    pub(super) async fn write(
        &self,
        tx: &WriteTx,
        mut state: state::State,
        known: &Zones,
        batch: &[Arc<Prepared>],
    ) -> Result<Written> {
        let mut written = Written::default();
        self.write_definitions(tx, batch).await?;
        let mut deltas = Deltas::default();
        for change in batch.iter().flat_map(|prepared| &prepared.contents.changes) {
            let (place, us) = (change.fact.place(), change.fact.time_us());
            written.sites.insert((place.org, place.site));
            let since_us = change.fact.site_since_us();
            let key = self.stretch((place.org, place.site), since_us, us)?;
            let (id, zone) = self.zone(tx, known, &mut written.zones, key).await?;
            deltas.add_under(change, id, &zone);
        }
        let mut negative = cells::add(tx, deltas.settled(), state.unsettled).await?;
        negative |= self.write_answers(tx, state, known, &mut written, batch).await?;
        let before = state;
        let now_us = self.clock.now_us();
        if negative {
            state = state::State { unsettled: true, checked_us: now_us };
        } else if state.unsettled && now_us - state.checked_us >= CHECK_NEGATIVE_US {
            let unsettled = cells::any_negative(tx.conn(), self.source.tables).await?;
            state = state::State { unsettled, checked_us: now_us };
        }
        if state != before {
            state::save(tx, self.source.state, state).await?;
        }
        Ok(written)
    }

    async fn write_definitions(&self, tx: &WriteTx, batch: &[Arc<Prepared>]) -> Result<()> {
        for prepared in batch {
            for (org, template) in &prepared.contents.templates {
                templates::put(tx, *org, template).await?;
            }
            for (org, version) in &prepared.contents.versions {
                questionnaires::put_version(tx, *org, version).await?;
            }
            for (org, class) in &prepared.contents.classes {
                questionnaires::put_class(tx, *org, class, prepared.commit_us).await?;
            }
        }
        Ok(())
    }

    async fn write_answers(
        &self,
        tx: &WriteTx,
        state: state::State,
        known: &Zones,
        written: &mut Written,
        batch: &[Arc<Prepared>],
    ) -> Result<bool> {
        let (mut sums, mut rows) = (BTreeMap::new(), Vec::new());
        for change in batch.iter().flat_map(|prepared| &prepared.contents.responses) {
            let place = &change.response.place;
            let since_us = change.response.site_since_us;
            let us = change.response.time_us;
            let key = self.stretch((place.org, place.site), since_us, us)?;
            let (id, zone) = self.zone(tx, known, &mut written.zones, key).await?;
            let mut placed = change.clone();
            placed.response.place.site = id;
            answer::add_cells(&mut sums, &placed, &zone);
            let day = local_day(placed.response.time_us, &zone);
            rows.push((placed, day));
        }
        let rows: Vec<(&ResponseChange, i32)> = rows.iter().map(|(c, day)| (c, *day)).collect();
        vectors::add(tx, &rows).await?;
        cells::add_answers(tx, sums, state.unsettled).await
    }

    /// The stretch that a fact belongs to: the one that its source says, else the one that its
    /// time says.
    fn stretch(
        &self,
        (org, site): (Uuid, Uuid),
        since_us: Option<i64>,
        us: i64,
    ) -> Result<Stretch> {
        let since_us = match since_us {
            Some(since_us) => since_us,
            None => self.view(org)?.placed_since(site, us),
        };
        Ok((org, site, since_us.max(0)))
    }

    fn view(&self, org: Uuid) -> Result<Arc<OrgView>> {
        let view = self.directory.organisation(org);
        view.ok_or_else(|| ServiceError::unavailable("unknown site"))
    }

    /// The id of a stretch in cells and the zone of its days, from memory or fixed now.
    async fn zone(
        &self,
        tx: &WriteTx,
        known: &Zones,
        new: &mut Zones,
        key: Stretch,
    ) -> Result<(Uuid, TimeZone)> {
        if let Some(zone) = known.get(&key).or_else(|| new.get(&key)) {
            return Ok(zone.clone());
        }
        let zone = self.fix_zone(tx, key).await?;
        new.insert(key, zone.clone());
        Ok(zone)
    }

    /// As [`Self::zone`], fixed now if it was not before.
    async fn fix_zone(
        &self,
        tx: &WriteTx,
        (org, site, since_us): Stretch,
    ) -> Result<(Uuid, TimeZone)> {
        let id = placements::id(site, since_us);
        let zone = match placements::find(tx.conn(), org, id).await? {
            Some(found) => found.zone,
            None => {
                let zone = self.view(org)?.time_zone_name_at(site, since_us);
                let placement =
                    Placement { id, site, since_us, until_us: i64::MAX, zone: zone.clone() };
                // The other feed may fix it at this moment: what stands there then counts.
                placements::fix(tx, org, &placement).await?;
                placements::find(tx.conn(), org, id).await?.map_or(zone, |found| found.zone)
            }
        };
        Ok((id, TimeZone::get(&zone).unwrap_or(TimeZone::UTC)))
    }

    pub(super) async fn announce(
        &self,
        memory: &mut Memory,
        written: Written,
        batch: &[Arc<Prepared>],
    ) {
        memory.zones.extend(written.zones);
        let orgs: BTreeSet<Uuid> = batch
            .iter()
            .flat_map(|prepared| prepared.contents.templates.iter().map(|(org, _)| *org))
            .collect();
        for org in orgs {
            self.templates.forget(org).await;
        }
        self.changes.publish(written.sites);
    }
}
