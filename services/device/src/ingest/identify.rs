//! Which messages of a group are new, and what those that are not were before. Runs inside of
//! the transaction, with the devices locked, so that its findings hold until the commit.

use std::collections::{HashMap, HashSet, hash_map};

use device_domain::{device::Kind, sequence::Tracker};
use kit::{db::WriteTx, error::Result};
use proto::common::v1::Reason;
use tonic::Code;
use uuid::Uuid;

use super::{
    batch::{Authority, Item, Refusal, Verdict},
    group::Entry,
};
use crate::store::{
    quarantine, rating,
    rating_lookup::{self, Sender},
    rating_sequence::{self, Key},
};

/// What was found.
pub struct Found {
    /// The devices.
    pub senders: HashMap<Uuid, Sender>,
    /// How far they are stored, before this group.
    pub trackers: HashMap<Key, Tracker>,
    /// Verdicts so far; none for what is new or repeats another message of the group.
    pub verdicts: Vec<Option<Verdict>>,
    /// Messages that are new, by index.
    pub fresh: Vec<usize>,
    /// Messages that repeat an earlier one of the group: index, and index of the earlier one.
    pub repeats: Vec<(usize, usize)>,
    /// How many messages of each device contradict what is stored.
    pub conflicts: HashMap<Uuid, i64>,
}

/// Sorts the messages. `careful` looks each one up; otherwise only those are looked up whose
/// sequence was seen before, and the insert tells whether that was enough.
pub async fn identify(tx: &WriteTx, entries: &[Entry<'_>], careful: bool) -> Result<Found> {
    let mut devices: Vec<Uuid> = entries.iter().map(|entry| entry.item.device).collect();
    devices.sort_unstable();
    devices.dedup();
    let mut found = Found {
        senders: rating_lookup::lock_devices(tx, &devices).await?,
        trackers: rating_sequence::load(tx.conn(), &devices).await?,
        verdicts: vec![None; entries.len()],
        fresh: Vec::with_capacity(entries.len()),
        repeats: Vec::new(),
        conflicts: HashMap::new(),
    };
    let unique = found.without_repeats(entries);
    let (suspects, fresh): (Vec<usize>, Vec<usize>) =
        unique.into_iter().partition(|index| careful || found.was_seen(entries[*index].item));
    found.fresh = fresh;
    found.look_up(tx, entries, &suspects).await?;
    found.fresh.sort_unstable();
    Ok(found)
}

impl Found {
    /// Refuses what its sender may not send, and sets aside what the group holds twice.
    fn without_repeats(&mut self, entries: &[Entry<'_>]) -> Vec<usize> {
        let mut receipts: HashMap<Uuid, usize> = HashMap::with_capacity(entries.len());
        let mut positions: HashSet<(Uuid, i64, i64)> = HashSet::with_capacity(entries.len());
        let mut unique = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let item = entry.item;
            if let Err(refusal) = may_send(self.senders.get(&item.device), entry) {
                self.verdicts[index] = Some(Verdict::Refused(refusal));
                continue;
            }
            match receipts.entry(item.receipt) {
                hash_map::Entry::Occupied(first) => {
                    let first = *first.get();
                    if entries[first].item.content_hash == item.content_hash {
                        self.repeats.push((index, first));
                    } else {
                        self.refuse(index, item, other_content());
                    }
                }
                hash_map::Entry::Vacant(place) => {
                    if positions.insert((item.device, item.press.epoch, item.press.sequence)) {
                        place.insert(index);
                        unique.push(index);
                    } else {
                        self.refuse(index, item, duplicate_identity());
                    }
                }
            }
        }
        unique
    }

    fn was_seen(&self, item: &Item) -> bool {
        let tracker = self.trackers.get(&(item.device, item.press.epoch));
        // Imports and releases have no sequence that would tell.
        item.vouched.is_some() || tracker.is_some_and(|t| t.contains(item.press.sequence))
    }

    async fn look_up(
        &mut self,
        tx: &WriteTx,
        entries: &[Entry<'_>],
        suspects: &[usize],
    ) -> Result<()> {
        let receipts: Vec<Uuid> = suspects.iter().map(|i| entries[*i].item.receipt).collect();
        let stored = rating::hashes(tx.conn(), &receipts).await?;
        let held = quarantine::known(tx.conn(), &receipts).await?;
        let mut unknown = Vec::new();
        for index in suspects {
            let item = entries[*index].item;
            let released = item.vouched.as_ref().is_some_and(|vouched| vouched.release);
            let known = held.get(&item.receipt).filter(|_| !released);
            let verdict = match (stored.get(&item.receipt), known) {
                (Some(hash), _) if *hash == item.content_hash => {
                    Verdict::Stored { duplicate: true }
                }
                (None, Some((hash, cause, _))) if *hash == item.content_hash => {
                    Verdict::Quarantined(*cause)
                }
                (None, None) => {
                    unknown.push(*index);
                    continue;
                }
                _ => {
                    self.refuse(*index, item, other_content());
                    continue;
                }
            };
            self.verdicts[*index] = Some(verdict);
        }
        let positions: Vec<(Uuid, i64, i64)> =
            unknown.iter().map(|index| position(entries[*index].item)).collect();
        let taken: HashSet<_> = rating::taken(tx.conn(), &positions).await?.into_iter().collect();
        for index in unknown {
            let item = entries[index].item;
            if taken.contains(&position(item)) {
                self.refuse(index, item, duplicate_identity());
            } else {
                self.fresh.push(index);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, index: usize, item: &Item, refusal: Refusal) {
        *self.conflicts.entry(item.device).or_default() += 1;
        if refusal.reason == Reason::DuplicateIdentity {
            tracing::warn!(device = %item.device, "two senders seem to share a device's identity");
        }
        self.verdicts[index] = Some(Verdict::Refused(refusal));
    }
}

fn position(item: &Item) -> (Uuid, i64, i64) {
    (item.device, item.press.epoch, item.press.sequence)
}

fn may_send(sender: Option<&Sender>, entry: &Entry<'_>) -> std::result::Result<(), Refusal> {
    let unknown = || Refusal::terminal(Code::NotFound, Reason::NotFound, "no such device");
    let sender = sender.filter(|sender| sender.org == entry.batch.org).ok_or_else(unknown)?;
    let import = sender.kind == Kind::Import;
    match &entry.batch.authority {
        Authority::Administrator => Ok(()),
        Authority::Device(device) if *device != sender.id => Err(unknown()),
        Authority::Bridge(visible) | Authority::Importer(visible)
            if !visible.contains(sender.unit) =>
        {
            Err(unknown())
        }
        Authority::Importer(_) if !import => {
            Err(Refusal::invalid("message.device", "is no import source"))
        }
        Authority::Device(_) | Authority::Bridge(_) if import => {
            Err(Refusal::invalid("device", "is an import source, which only imports"))
        }
        _ => Ok(()),
    }
}

fn other_content() -> Refusal {
    let text = "the id was used with other content; what was stored first stays";
    Refusal::terminal(Code::AlreadyExists, Reason::AlreadyExists, text)
}

fn duplicate_identity() -> Refusal {
    let text = "the sequence was used by another rating: two senders share this device's \
                identity, or its storage went back; begin a new epoch";
    Refusal::terminal(Code::FailedPrecondition, Reason::DuplicateIdentity, text)
}
