//! Who served and which service is rated: staff and encounters of a group's new presses, and
//! the marks that follow from them.

use std::collections::{BTreeMap, HashMap, HashSet};

use device_domain::{
    encounter::{Encounter, State},
    policy::SHIFT_MAX_H_MAX,
    rating::{Open, SERVICE_US_MAX, service_at},
    shift::staff_at,
    trust::Mark,
};
use kit::{db::WriteTx, error::Result};
use uuid::Uuid;

use super::{ground::Ground, judge::Accepted};
use crate::store::rating_lookup::{self, Span};

/// Longest shift that any policy allows.
const SHIFT_US_MAX: i64 = SHIFT_MAX_H_MAX as i64 * 3_600_000_000;
/// A window that reported a service in this time before a press reports its services, so a
/// press without one is odd there. Elsewhere it says nothing.
const REPORTING_US: i64 = 24 * 3_600_000_000;

/// An encounter that ratings of the group belong to.
#[derive(Debug)]
pub struct Rated {
    /// Organisation.
    pub org: Uuid,
    /// As it is stored; absent if only its rating is known of it.
    pub before: Option<Encounter>,
    /// As it shall be.
    pub after: Encounter,
}

impl Rated {
    /// Whether the group changes it.
    pub fn changed(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }
}

/// What follows from a group for things outside of it.
#[derive(Debug, Default)]
pub struct Attached {
    /// Encounters, in the order of their ids, so that two writers lock them alike.
    pub encounters: BTreeMap<(Uuid, Uuid), Rated>,
    /// Stored ratings that are no longer the one that counts for their encounter.
    pub overtaken: HashSet<Uuid>,
}

/// Finds staff and encounters of `accepted`.
pub async fn attach(
    tx: &WriteTx,
    ground: &Ground,
    accepted: &mut [Box<Accepted>],
) -> Result<Attached> {
    let all = spans(accepted.iter().map(Box::as_ref));
    let shifts = rating_lookup::shifts(tx.conn(), &all, SHIFT_US_MAX).await?;
    for press in accepted.iter_mut().filter(|press| !press.import) {
        let here = press.rating.window.and_then(|window| shifts.get(&window));
        press.rating.staff = here.and_then(|here| staff_at(here, press.rating.press_us));
    }
    let mut matching = Matching::load(tx, ground, accepted).await?;
    let mut order: Vec<usize> =
        (0..accepted.len()).filter(|index| !accepted[*index].import).collect();
    order.sort_unstable_by_key(|i| (accepted[*i].rating.press_us, accepted[*i].rating.id));
    let mut lonely = Vec::new();
    for index in order {
        match matching.find(ground, &accepted[index]) {
            Some(key) => matching.rate(key, accepted, index),
            None => lonely.push(index),
        }
    }
    mark_lonely(tx, accepted, &lonely).await?;
    Ok(matching.attached)
}

/// Spans of time of the presses at each window.
fn spans<'a>(presses: impl Iterator<Item = &'a Accepted>) -> Vec<Span> {
    let mut spans: HashMap<Uuid, Span> = HashMap::new();
    for press in presses.filter(|press| !press.import) {
        let Some(window) = press.rating.window else { continue };
        let us = press.rating.press_us;
        let new = Span { org: press.rating.org, window, from_us: us, to_us: us };
        let span = spans.entry(window).or_insert(new);
        (span.from_us, span.to_us) = (span.from_us.min(us), span.to_us.max(us));
    }
    spans.into_values().collect()
}

struct Matching {
    attached: Attached,
    /// Encounters that may be open at a window, oldest first.
    at_window: HashMap<Uuid, Vec<(Uuid, Uuid)>>,
    /// Ratings of this group, by receipt.
    indices: HashMap<Uuid, usize>,
}

impl Matching {
    async fn load(tx: &WriteTx, ground: &Ground, accepted: &[Box<Accepted>]) -> Result<Self> {
        let named: HashSet<(Uuid, Uuid)> = accepted
            .iter()
            .filter_map(|press| Some((press.rating.org, press.encounter?)))
            .collect();
        let named: Vec<(Uuid, Uuid)> = named.into_iter().collect();
        let open = spans(accepted.iter().map(Box::as_ref).filter(|p| p.encounter.is_none()));
        let grace_us = ground.grace_us_max();
        let mut found =
            rating_lookup::encounters(tx.conn(), &open, SERVICE_US_MAX, grace_us).await?;
        let mut at_window: HashMap<Uuid, Vec<(Uuid, Uuid)>> = HashMap::new();
        for (org, encounter) in &found {
            at_window.entry(encounter.window).or_default().push((*org, encounter.id));
        }
        found.extend(rating_lookup::encounters_by_id(tx.conn(), &named).await?);
        let rated = |(org, encounter): (Uuid, Encounter)| {
            let after = encounter.clone();
            ((org, encounter.id), Rated { org, before: Some(encounter), after })
        };
        let encounters = found.into_iter().map(rated).collect();
        let indices = accepted.iter().enumerate().map(|(i, p)| (p.rating.id, i)).collect();
        let attached = Attached { encounters, overtaken: HashSet::new() };
        Ok(Self { attached, at_window, indices })
    }

    /// The encounter that a press belongs to.
    fn find(&mut self, ground: &Ground, press: &Accepted) -> Option<(Uuid, Uuid)> {
        let (org, window) = (press.rating.org, press.rating.window?);
        let Some(id) = press.encounter else {
            let grace_us = ground.thresholds(org).encounter_grace_us;
            return self.open_at(window, press.rating.press_us, grace_us);
        };
        let known = self.attached.encounters.entry((org, id)).or_insert_with(|| {
            // The sender knows it before its events have arrived here.
            let mut new = Encounter::new(id, window, press.rating.site);
            new.staff = press.rating.staff;
            new.site_since_us = press.rating.site_since_us;
            Rated { org, before: None, after: new }
        });
        (known.after.window == window).then_some((org, id))
    }

    fn open_at(&self, window: Uuid, press_us: i64, grace_us: i64) -> Option<(Uuid, Uuid)> {
        let keys = self.at_window.get(&window)?;
        let candidates: Vec<(&(Uuid, Uuid), Open)> = keys
            .iter()
            .filter_map(|key| Some((key, open(&self.attached.encounters.get(key)?.after)?)))
            .collect();
        let opens: Vec<Open> = candidates.iter().map(|(_, open)| *open).collect();
        service_at(press_us, &opens, grace_us).map(|index| *candidates[index].0)
    }

    /// Gives a press its encounter. Of several the earliest counts; the others are marked,
    /// also when the earliest comes last.
    fn rate(&mut self, key: (Uuid, Uuid), accepted: &mut [Box<Accepted>], index: usize) {
        let Some(rated) = self.attached.encounters.get_mut(&key) else { return };
        let rating = &mut accepted[index].rating;
        rating.encounter = Some(rated.after.id);
        rating.business_type.clone_from(&rated.after.business_type);
        let former = rated.after.rating;
        if !rated.after.rate(rating.id, rating.channel as i32, rating.press_us) {
            rating.marks.set(Mark::SecondChannel);
            return;
        }
        let Some(former) = former.filter(|former| *former != accepted[index].rating.id) else {
            return;
        };
        match self.indices.get(&former) {
            Some(other) => accepted[*other].rating.marks.set(Mark::SecondChannel),
            None => {
                self.attached.overtaken.insert(former);
            }
        }
    }
}

/// An encounter as a press may find it; none if its customer did not come.
pub fn open(encounter: &Encounter) -> Option<Open> {
    (encounter.state() != State::NoShow).then(|| Open {
        from_us: encounter.time_us(),
        finish_us: encounter.finish_us,
        prompt_us: encounter.prompt_us,
        rated: encounter.rating.is_some(),
    })
}

async fn mark_lonely(tx: &WriteTx, accepted: &mut [Box<Accepted>], lonely: &[usize]) -> Result<()> {
    let mut around = spans(lonely.iter().map(|index| accepted[*index].as_ref()));
    for span in &mut around {
        span.from_us = span.from_us.saturating_sub(REPORTING_US);
    }
    let busy = rating_lookup::busy_windows(tx.conn(), &around).await?;
    if busy.is_empty() {
        return Ok(());
    }
    let busy: HashSet<Uuid> = busy.into_iter().collect();
    for index in lonely {
        let rating = &mut accepted[*index].rating;
        if rating.window.is_some_and(|window| busy.contains(&window)) {
            rating.marks.set(Mark::NoEncounter);
        }
    }
    Ok(())
}
