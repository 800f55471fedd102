//! One group of messages in one transaction: who sent them, which are new, what they are,
//! and everything that is written because of them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use device_domain::{
    rating_stored::{Quarantined, Rating},
    sequence::Tracker,
    template::Template,
    trust::Mark,
};
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::device::v1::Event;
use uuid::Uuid;

use super::{
    Engine,
    attach::{self, Attached},
    batch::{Authority, Batch, Item, Verdict},
    crash_point, facts,
    ground::Ground,
    identify::{Found, identify},
    judge::{Accepted, Known, Ruling, boots_needed},
    suspicion,
};
use crate::{
    events,
    store::{
        self,
        clock::Measured,
        quarantine, rating, rating_insert, rating_lookup,
        rating_sequence::{self, Key},
    },
};

/// A message with the batch that it came in.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// The message.
    pub item: &'a Item,
}

/// What became of a group.
pub struct Placed {
    /// One verdict for each message.
    pub verdicts: Vec<Verdict>,
    /// How far the devices of the group are stored now.
    pub trackers: HashMap<Key, Tracker>,
    /// What the feed has to say; nothing if nothing changed.
    pub events: Vec<Event>,
    /// Where the feed told of it, once it was written.
    pub position: Option<String>,
}

/// Why a group was not placed.
#[derive(Debug)]
pub enum Trouble {
    /// Something was there that the look-ups did not show: look up everything.
    LookCloser,
    /// Another transaction was faster: decide again.
    Again,
    /// An error.
    Failed(ServiceError),
}

impl From<ServiceError> for Trouble {
    fn from(error: ServiceError) -> Self {
        match error.code() {
            tonic::Code::Aborted => Self::Again,
            _ => Self::Failed(error),
        }
    }
}

/// Places a group inside of `tx`, outbox excepted. `careful` looks each message up instead of
/// trusting the sequences.
pub async fn place(
    engine: &Engine,
    ground: &mut Ground,
    tx: &WriteTx,
    entries: &[Entry<'_>],
    careful: bool,
) -> std::result::Result<Placed, Trouble> {
    let mut orgs: Vec<Uuid> = entries.iter().map(|entry| entry.batch.org).collect();
    orgs.sort_unstable();
    orgs.dedup();
    // Shifts stay as they are until this group is committed, so that each rating is either
    // seen by whoever changes them or sees the change.
    store::shift::lock_shared(tx.conn(), &orgs).await?;
    let mut found = identify(tx, entries, careful).await?;
    let (mut accepted, held) = judge(engine, ground, tx, entries, &mut found).await?;
    let attached = attach::attach(tx, ground, &mut accepted).await?;
    suspicion::mark_hours(ground, &mut accepted);
    let drawn_in = suspicion::mark_bursts(tx, ground, &mut accepted).await?;
    let mut events = Vec::with_capacity(accepted.len() + attached.encounters.len());
    for press in &accepted {
        events.extend(facts::change(None, &press.rating, &press.template));
    }
    insert(tx, &accepted, careful).await?;
    crash_point::pass("device.after_insert");
    quarantine::insert(tx, &held).await?;
    save_encounters(tx, &attached, &mut events).await?;
    remark(engine, tx, &attached.overtaken, &drawn_in, &mut events).await?;
    save_devices(engine, tx, entries, &mut found).await?;
    let verdicts = verdicts(&mut found);
    Ok(Placed { verdicts, trackers: found.trackers, events, position: None })
}

async fn judge(
    engine: &Engine,
    ground: &mut Ground,
    tx: &WriteTx,
    entries: &[Entry<'_>],
    found: &mut Found,
) -> Result<(Vec<Box<Accepted>>, Vec<Quarantined>)> {
    let mut devices: Vec<Uuid> = found.fresh.iter().map(|i| entries[*i].item.device).collect();
    devices.sort_unstable();
    devices.dedup();
    for device in &devices {
        let sender = found.senders.get(device);
        if let Some((org, own)) = sender.and_then(|sender| Some((sender.org, sender.template?)))
            && ground.template(org, own).is_none()
            && let Some(template) = engine.template(tx, org, own).await?
        {
            ground.add(template);
        }
    }
    let boots = boots_needed(entries, &found.fresh);
    let known = Known {
        senders: &found.senders,
        places: rating_lookup::places(tx.conn(), &devices).await?,
        boots: rating_lookup::boot_clocks(tx.conn(), &boots).await?,
        ground,
    };
    let (mut accepted, mut held) = (Vec::with_capacity(found.fresh.len()), Vec::new());
    for index in &found.fresh {
        found.verdicts[*index] = Some(match known.judge(&entries[*index]) {
            Ruling::Accept(press) => {
                accepted.push(press);
                Verdict::Stored { duplicate: false }
            }
            Ruling::Hold(press) => {
                let cause = press.cause;
                held.push(*press);
                Verdict::Quarantined(cause)
            }
            Ruling::Refuse(refusal) => Verdict::Refused(refusal),
        });
    }
    Ok((accepted, held))
}

async fn insert(
    tx: &WriteTx,
    accepted: &[Box<Accepted>],
    careful: bool,
) -> std::result::Result<(), Trouble> {
    let ratings: Vec<&Rating> = accepted.iter().map(|press| &press.rating).collect();
    let added = rating_insert::insert(tx, &ratings).await?;
    match added == ratings.len() as u64 {
        true => Ok(()),
        false if careful => Err(Trouble::Again),
        false => Err(Trouble::LookCloser),
    }
}

async fn save_encounters(
    tx: &WriteTx,
    attached: &Attached,
    events: &mut Vec<Event>,
) -> std::result::Result<(), Trouble> {
    let changed = || attached.encounters.values().filter(|rated| rated.changed());
    let known: Vec<_> = changed()
        .filter(|rated| rated.before.is_some())
        .map(|rated| (rated.org, &rated.after))
        .collect();
    if !rating_lookup::rate_encounters(tx, &known).await? {
        return Err(Trouble::Again);
    }
    let mut answered: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for rated in changed() {
        let new = rated.before.is_none() && rated.after.rating.is_some();
        if new && !store::encounter::save(tx.conn(), rated.org, &rated.after).await? {
            return Err(Trouble::Again);
        }
        if rated.after.rating.is_some() {
            let before = rated.before.as_ref();
            events.extend(events::encounter_change(rated.org, before, &rated.after));
        }
        if rated.before.as_ref().is_some_and(|before| before.prompt_us.is_some()) {
            answered.entry(rated.org).or_default().push(rated.after.id);
        }
    }
    for (org, encounters) in answered {
        store::prompt::close(tx.conn(), org, &encounters).await?;
    }
    Ok(())
}

/// Marks stored ratings in hindsight.
async fn remark(
    engine: &Engine,
    tx: &WriteTx,
    overtaken: &HashSet<Uuid>,
    drawn_in: &HashSet<Uuid>,
    events: &mut Vec<Event>,
) -> Result<()> {
    let mut ids: Vec<Uuid> = overtaken.union(drawn_in).copied().collect();
    ids.sort_unstable();
    let mut stored = rating::by_ids(tx.conn(), &ids).await?;
    stored.sort_unstable_by_key(|rating| rating.id);
    for before in stored {
        let mut after = before.clone();
        if overtaken.contains(&before.id) {
            after.marks.set(Mark::SecondChannel);
        }
        if drawn_in.contains(&before.id) {
            after.marks.set(Mark::Burst);
        }
        if after.marks == before.marks {
            continue;
        }
        rating::update(tx, &after).await?;
        if let Some(template) = engine.template(tx, after.org, after.template).await? {
            events.extend(facts::change(Some(&before), &after, &template));
        }
    }
    Ok(())
}

/// Writes how far devices are stored, their conflicts and their clocks.
async fn save_devices(
    engine: &Engine,
    tx: &WriteTx,
    entries: &[Entry<'_>],
    found: &mut Found,
) -> Result<()> {
    let mut changed: HashSet<Key> = HashSet::new();
    let mut heard: HashSet<(Uuid, Uuid)> = HashSet::new();
    for (entry, verdict) in entries.iter().zip(&found.verdicts) {
        let kept = matches!(verdict, Some(Verdict::Stored { .. } | Verdict::Quarantined(_)));
        let (epoch, sequence) = (entry.item.press.epoch, entry.item.press.sequence);
        // Imports have negative positions of their own.
        if !kept {
            continue;
        }
        heard.insert((entry.batch.org, entry.item.device));
        if epoch >= 1 {
            let tracker = found.trackers.entry((entry.item.device, epoch)).or_default();
            if !tracker.contains(sequence) {
                tracker.note(sequence);
                changed.insert((entry.item.device, epoch));
            }
        }
    }
    let now_us = engine.app.clock.now_us();
    for (org, device) in heard {
        engine.app.presence.touch(org, device, now_us);
    }
    let mut changed: Vec<Key> = changed.into_iter().collect();
    changed.sort_unstable();
    let rows: Vec<(Uuid, Key, &Tracker)> = changed
        .iter()
        .filter_map(|key| Some((found.senders.get(&key.0)?.org, *key, found.trackers.get(key)?)))
        .collect();
    rating_sequence::save(tx, &rows).await?;
    let mut conflicts: Vec<(Uuid, i64)> = found.conflicts.iter().map(|(d, n)| (*d, *n)).collect();
    conflicts.sort_unstable();
    rating_lookup::note_conflicts(tx, &conflicts).await?;
    measure_clocks(engine, tx, entries).await
}

/// Keeps what the clocks of devices that speak for themselves read, for presses of this boot
/// that arrive after the next one.
async fn measure_clocks(engine: &Engine, tx: &WriteTx, entries: &[Entry<'_>]) -> Result<()> {
    let mut last: Option<&Batch> = None;
    for batch in entries.iter().map(|entry| entry.batch) {
        if last.replace(batch).is_some_and(|last| std::ptr::eq(last, batch)) {
            continue;
        }
        let Authority::Device(device) = batch.authority else { continue };
        let Some(clock) = batch.clock.as_ref().filter(|clock| !clock.boot_id.is_empty()) else {
            continue;
        };
        let Some(offset_us) = clock.device_us.and_then(|us| batch.receive_us.checked_sub(us))
        else {
            continue;
        };
        let news =
            engine.app.presence.is_new_clock(device, &clock.boot_id, offset_us, batch.receive_us);
        if news {
            let up_us = Some(clock.monotonic_ms).filter(|ms| *ms > 0);
            let measured = Measured {
                boot_id: clock.boot_id.clone(),
                offset_us,
                boot_us: up_us.and_then(|ms| batch.receive_us.checked_sub(ms.checked_mul(1_000)?)),
                measured_us: batch.receive_us,
            };
            store::clock::measure(tx.conn(), batch.org, device, &measured).await?;
        }
    }
    Ok(())
}

fn verdicts(found: &mut Found) -> Vec<Verdict> {
    for (index, first) in &found.repeats {
        found.verdicts[*index] = match &found.verdicts[*first] {
            Some(Verdict::Stored { .. }) => Some(Verdict::Stored { duplicate: true }),
            other => other.clone(),
        };
    }
    let verdicts = std::mem::take(&mut found.verdicts).into_iter();
    verdicts.map(|verdict| verdict.expect("each message was judged or repeats one")).collect()
}

impl Engine {
    /// A template from memory or from the transaction's database. Bodies never change, so what
    /// is remembered stays true; their standing is not looked at here.
    pub async fn template(
        &self,
        tx: &WriteTx,
        org: Uuid,
        id: Uuid,
    ) -> Result<Option<Arc<Template>>> {
        if let Some(known) = self.recall(org, id) {
            return Ok(Some(known));
        }
        let found = store::template::find(tx.conn(), org, id).await?.map(Arc::new);
        if let Some(template) = &found {
            self.remember(template.clone());
        }
        Ok(found)
    }
}
