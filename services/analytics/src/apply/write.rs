//! Writes the facts and definitions of new groups, in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use analytics_domain::{answer, answer::ResponseChange, cell::Deltas, time::local_day};
use jiff::tz::TimeZone;
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use uuid::Uuid;

use super::{Applier, CHECK_NEGATIVE_US, Memory, Prepared, Zones};
use crate::store::{cells, questionnaires, state, templates, vectors, zones};

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
            let place = change.fact.place();
            let key = (place.org, place.site);
            written.sites.insert(key);
            deltas.add(change, &self.zone(tx, known, &mut written.zones, key).await?);
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
        let (mut sums, mut rows): (_, Vec<(&ResponseChange, i32)>) = (BTreeMap::new(), Vec::new());
        for change in batch.iter().flat_map(|prepared| &prepared.contents.responses) {
            let place = &change.response.place;
            let key = (place.org, place.site);
            let zone = self.zone(tx, known, &mut written.zones, key).await?;
            answer::add_cells(&mut sums, change, &zone);
            rows.push((change, local_day(change.response.time_us, &zone)));
        }
        vectors::add(tx, &rows).await?;
        cells::add_answers(tx, sums, state.unsettled).await
    }

    /// The zone of a site's days, from memory or fixed now.
    async fn zone(
        &self,
        tx: &WriteTx,
        known: &Zones,
        new: &mut Zones,
        key: (Uuid, Uuid),
    ) -> Result<TimeZone> {
        if let Some(zone) = known.get(&key).or_else(|| new.get(&key)) {
            return Ok(zone.clone());
        }
        let zone = self.fix_zone(tx, key).await?;
        new.insert(key, zone.clone());
        Ok(zone)
    }

    /// The zone of a site's days, fixed now if it was not before.
    async fn fix_zone(&self, tx: &WriteTx, (org, site): (Uuid, Uuid)) -> Result<TimeZone> {
        let name = match zones::of_site(tx.conn(), org, site).await? {
            Some(name) => name,
            None => {
                let view = self.directory.organisation(org);
                let view = view.ok_or_else(|| ServiceError::unavailable("unknown site"))?;
                let name = view.time_zone_name_of(site);
                // The other feed may fix it at this moment: what stands there then counts.
                zones::fix(tx, org, site, &name).await?;
                zones::of_site(tx.conn(), org, site).await?.unwrap_or(name)
            }
        };
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
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
