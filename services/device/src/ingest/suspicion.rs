//! Marks that need more than one press or the calendar: bursts and opening hours.

use std::collections::{BTreeMap, HashMap, HashSet};

use device_domain::trust::{Mark, OpenSpan, Thresholds, bursts, outside_hours};
use jiff::tz::TimeZone;
use kit::{db::WriteTx, error::Result};
use uuid::Uuid;

use super::{ground::Ground, judge::Accepted};
use crate::store::rating::{self, Neighbour};

/// Marks presses outside of the opening hours of their window.
pub fn mark_hours(ground: &Ground, accepted: &mut [Box<Accepted>]) {
    let mut hours: HashMap<_, Option<(TimeZone, Vec<OpenSpan>)>> = HashMap::new();
    for press in accepted.iter_mut().filter(|press| !press.import) {
        let Some(window) = press.rating.window else { continue };
        let (org, press_us) = (press.rating.org, press.rating.press_us);
        let known = hours
            .entry((window, press.rating.site))
            .or_insert_with(|| hours_of(ground, org, window, press_us));
        let Some((zone, spans)) = known else { continue };
        let grace_us = ground.thresholds(org).opening_grace_us;
        if outside_hours(press_us, zone, spans, grace_us) {
            press.rating.marks.set(Mark::OutsideHours);
        }
    }
}

fn hours_of(
    ground: &Ground,
    org: Uuid,
    window: Uuid,
    press_us: i64,
) -> Option<(TimeZone, Vec<OpenSpan>)> {
    let view = ground.view(org)?;
    let spans: Vec<OpenSpan> = view
        .opening_hours_at(window, press_us)
        .iter()
        .filter_map(|hours| {
            Some(OpenSpan {
                weekday: i8::try_from(hours.weekday).ok()?,
                open_minute: hours.open_minute.into(),
                close_minute: hours.close_minute.into(),
            })
        })
        .collect();
    (!spans.is_empty()).then(|| (view.time_zone_at(window, press_us), spans))
}

/// Neighbouring sequences of one epoch of a device.
struct Cluster {
    device: Uuid,
    epoch: i64,
    first: i64,
    last: i64,
    presses: Vec<usize>,
}

/// Marks presses that come in bursts; answers the stored ratings that turn out to be part of
/// one. Whatever order the presses arrive in, all of a burst end up marked.
pub async fn mark_bursts(
    tx: &WriteTx,
    ground: &Ground,
    accepted: &mut [Box<Accepted>],
) -> Result<HashSet<Uuid>> {
    let clusters = clusters(ground, accepted);
    let ranges: Vec<(Uuid, i64, i64, i64)> =
        clusters.iter().map(|c| (c.device, c.epoch, c.first, c.last)).collect();
    let mut near: HashMap<(Uuid, i64), Vec<Neighbour>> = HashMap::new();
    for neighbour in rating::neighbours(tx.conn(), &ranges).await? {
        near.entry((neighbour.device, neighbour.epoch)).or_default().push(neighbour);
    }
    let mut drawn_in = HashSet::new();
    for cluster in clusters {
        let stored = near.get(&(cluster.device, cluster.epoch));
        let stored: Vec<&Neighbour> = stored
            .into_iter()
            .flatten()
            .filter(|n| (cluster.first..=cluster.last).contains(&n.sequence))
            .collect();
        let policy = ground.thresholds(accepted[cluster.presses[0]].rating.org);
        mark_cluster(&policy, &cluster.presses, &stored, accepted, &mut drawn_in);
    }
    Ok(drawn_in)
}

/// Groups the presses so that one range of sequences holds all that can be in a burst with
/// any of them.
fn clusters(ground: &Ground, accepted: &[Box<Accepted>]) -> Vec<Cluster> {
    let mut by_epoch: BTreeMap<(Uuid, i64), Vec<usize>> = BTreeMap::new();
    for (index, press) in accepted.iter().enumerate().filter(|(_, press)| !press.import) {
        by_epoch.entry((press.rating.device, press.rating.epoch)).or_default().push(index);
    }
    let mut clusters: Vec<Cluster> = Vec::new();
    for ((device, epoch), mut presses) in by_epoch {
        presses.sort_unstable_by_key(|index| accepted[*index].rating.sequence);
        for index in presses {
            let rating = &accepted[index].rating;
            let count = ground.thresholds(rating.org).burst_count;
            let reach = i64::try_from(count).unwrap_or(2).saturating_sub(1);
            let first = rating.sequence.saturating_sub(reach);
            let last = rating.sequence.saturating_add(reach);
            match clusters.last_mut().filter(|c| (c.device, c.epoch) == (device, epoch)) {
                Some(cluster) if cluster.last >= first - 1 => {
                    cluster.last = last;
                    cluster.presses.push(index);
                }
                _ => clusters.push(Cluster { device, epoch, first, last, presses: vec![index] }),
            }
        }
    }
    clusters
}

fn mark_cluster(
    policy: &Thresholds,
    presses: &[usize],
    stored: &[&Neighbour],
    accepted: &mut [Box<Accepted>],
    drawn_in: &mut HashSet<Uuid>,
) {
    enum Who {
        New(usize),
        Stored(Uuid, bool),
    }
    let new = presses.iter().map(|index| (accepted[*index].rating.press_us, Who::New(*index)));
    let old = stored.iter().map(|n| (n.press_us, Who::Stored(n.id, n.marks.has(Mark::Burst))));
    let mut all: Vec<(i64, Who)> = new.chain(old).collect();
    all.sort_unstable_by_key(|(us, _)| *us);
    let times: Vec<i64> = all.iter().map(|(us, _)| *us).collect();
    for ((_, who), in_burst) in all.into_iter().zip(bursts(&times, policy)) {
        match who {
            Who::New(index) if in_burst => accepted[index].rating.marks.set(Mark::Burst),
            Who::Stored(id, false) if in_burst => {
                drawn_in.insert(id);
            }
            _ => {}
        }
    }
}
