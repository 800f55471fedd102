//! What late reports change of ratings that are stored: who served, and which service was
//! rated. Each answers events for the group of the caller's transaction.

use std::collections::HashMap;

use device_domain::{
    encounter::Encounter,
    policy::Policy,
    rating::{Open, SERVICE_US_MAX, service_at},
    rating_stored::Rating,
    shift::staff_at,
    template::Template,
    trust::Mark,
};
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::device::v1::Event;
use uuid::Uuid;

use super::{attach::open, facts};
use crate::{
    events,
    state::App,
    store::{self, rating, rating_lookup},
};

/// Credits the ratings of a window with `from_us` ≤ press < `to_us` to whoever was signed in
/// then. Call it with the organisation's shifts locked and the changed ones saved.
pub async fn reattribute(
    _app: &App,
    tx: &WriteTx,
    org: Uuid,
    window: Uuid,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Event>> {
    let ratings = rating::at_window(tx.conn(), org, window, from_us, to_us).await?;
    if ratings.is_empty() {
        return Ok(Vec::new());
    }
    let shifts = store::shift::covering(tx.conn(), org, window, from_us, to_us).await?;
    let mut changes = Changes::default();
    for before in ratings.into_iter().filter(|rating| !is_import(rating)) {
        let staff = staff_at(&shifts, before.press_us);
        if staff != before.staff {
            let after = Rating { staff, ..before.clone() };
            changes.write(tx, &before, &after).await?;
        }
    }
    Ok(changes.events)
}

fn is_import(rating: &Rating) -> bool {
    rating.epoch < 0
}

/// Gives ratings of a window that found no service the one that was reported after them, for
/// services from `from_us` to `to_us`. Call it with the encounters saved.
///
/// # Errors
/// ABORTED when somebody else changed an encounter meanwhile.
pub async fn relink(
    _app: &App,
    tx: &WriteTx,
    org: Uuid,
    window: Uuid,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Event>> {
    let (policy, _): (Policy, i64) = store::policy::find(tx.conn(), org).await?;
    let grace_us = i64::from(policy.encounter_grace_min) * 60_000_000;
    let until_us = to_us.saturating_add(grace_us);
    let mut ratings = rating::at_window(tx.conn(), org, window, from_us, until_us).await?;
    ratings.retain(|rating| rating.encounter.is_none() && !is_import(rating));
    if ratings.is_empty() {
        return Ok(Vec::new());
    }
    ratings.sort_unstable_by_key(|rating| (rating.press_us, rating.id));
    let begin_us = from_us.saturating_sub(SERVICE_US_MAX);
    let mut services =
        store::encounter::at_window(tx.conn(), org, window, begin_us, until_us).await?;
    let before: HashMap<Uuid, Encounter> = services.iter().map(|e| (e.id, e.clone())).collect();
    let mut changes = Changes::default();
    for rating in ratings {
        link(tx, &rating, &mut services, grace_us, &mut changes).await?;
    }
    let changed: Vec<(Uuid, &Encounter)> =
        services.iter().filter(|e| before.get(&e.id) != Some(e)).map(|e| (org, e)).collect();
    if !rating_lookup::rate_encounters(tx, &changed).await? {
        return Err(ServiceError::stale());
    }
    for (org, after) in changed {
        changes.events.extend(events::encounter_change(org, before.get(&after.id), after));
        store::prompt::close(tx.conn(), org, &[after.id]).await?;
    }
    Ok(changes.events)
}

async fn link(
    tx: &WriteTx,
    rating: &Rating,
    services: &mut [Encounter],
    grace_us: i64,
    changes: &mut Changes,
) -> Result<()> {
    let candidates: Vec<(usize, Open)> =
        services.iter().enumerate().filter_map(|(i, e)| Some((i, open(e)?))).collect();
    let opens: Vec<Open> = candidates.iter().map(|(_, open)| *open).collect();
    let Some(found) = service_at(rating.press_us, &opens, grace_us) else { return Ok(()) };
    let service = &mut services[candidates[found].0];
    let mut after = rating.clone();
    after.encounter = Some(service.id);
    after.business_type.clone_from(&service.business_type);
    after.marks.clear(Mark::NoEncounter);
    let former = service.rating;
    if service.rate(rating.id, rating.channel as i32, rating.press_us) {
        if let Some(former) = former.filter(|former| *former != rating.id) {
            for before in rating::by_ids(tx.conn(), &[former]).await? {
                let mut overtaken = before.clone();
                overtaken.marks.set(Mark::SecondChannel);
                changes.write(tx, &before, &overtaken).await?;
            }
        }
    } else {
        after.marks.set(Mark::SecondChannel);
    }
    changes.write(tx, rating, &after).await
}

/// Gives ratings the business type that became known of their services.
pub async fn reclassify(
    tx: &WriteTx,
    org: Uuid,
    business_types: &[(Uuid, String)],
) -> Result<Vec<Event>> {
    let ids: Vec<Uuid> = business_types.iter().map(|(rating, _)| *rating).collect();
    let mut changes = Changes::default();
    for before in rating::by_ids(tx.conn(), &ids).await?.into_iter().filter(|r| r.org == org) {
        let named = business_types.iter().find(|(rating, _)| *rating == before.id);
        let Some((_, business_type)) = named else { continue };
        let after = Rating { business_type: business_type.clone(), ..before.clone() };
        if after != before {
            changes.write(tx, &before, &after).await?;
        }
    }
    Ok(changes.events)
}

#[derive(Default)]
struct Changes {
    events: Vec<Event>,
    templates: HashMap<Uuid, Template>,
}

impl Changes {
    async fn write(&mut self, tx: &WriteTx, before: &Rating, after: &Rating) -> Result<()> {
        rating::update(tx, after).await?;
        if !self.templates.contains_key(&after.template)
            && let Some(found) = store::template::find(tx.conn(), after.org, after.template).await?
        {
            self.templates.insert(after.template, found);
        }
        let template = self.templates.get(&after.template).ok_or_else(|| {
            ServiceError::internal(format!("template {} of a rating is gone", after.template))
        })?;
        self.events.extend(facts::change(Some(before), after, template));
        Ok(())
    }
}
