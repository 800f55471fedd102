//! When devices were last heard of: kept in memory, written now and then, so that a heartbeat
//! costs no write.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kit::{db::Db, error::Result};
use uuid::Uuid;

use crate::store;

/// How long a device's last word may be unwritten while it goes on talking.
const WRITE_EVERY_US: i64 = 20 * 1_000_000;
/// After this silence a device is forgotten here; the database knows it.
const FORGET_US: i64 = 600 * 1_000_000;

#[derive(Debug, Clone)]
struct Seen {
    org: Uuid,
    last_us: i64,
    written_us: i64,
    boot: Option<Boot>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Boot {
    id: String,
    offset_us: i64,
    noted_us: i64,
}

/// Clock readings that differ by less are the same clock.
const OFFSET_SLACK_US: i64 = 1_000_000;
/// How often an unchanged clock is written, so that its boot is not forgotten as the oldest.
const CLOCK_EVERY_US: i64 = 3_600 * 1_000_000;

/// When devices were last heard of.
#[derive(Debug, Default)]
pub struct Presence {
    seen: Mutex<HashMap<Uuid, Seen>>,
}

impl Presence {
    /// A device was heard of.
    pub fn touch(&self, org: Uuid, device: Uuid, now_us: i64) {
        let mut all = self.lock();
        let seen = all.entry(device).or_insert(Seen {
            org,
            last_us: now_us,
            written_us: i64::MIN,
            boot: None,
        });
        seen.last_us = seen.last_us.max(now_us);
    }

    /// When this process last heard of a device.
    pub fn last_seen_us(&self, device: Uuid) -> Option<i64> {
        self.lock().get(&device).map(|seen| seen.last_us)
    }

    /// Whether a clock reading is news: another boot, another offset, or an old measurement.
    /// Call it after [`Self::touch`]; the reading counts as noted from now on.
    pub fn is_new_clock(&self, device: Uuid, boot_id: &str, offset_us: i64, now_us: i64) -> bool {
        let mut all = self.lock();
        let Some(seen) = all.get_mut(&device) else { return true };
        let known = seen.boot.as_ref().is_some_and(|boot| {
            boot.id == boot_id
                && boot.offset_us.abs_diff(offset_us) < OFFSET_SLACK_US.unsigned_abs()
                && now_us.saturating_sub(boot.noted_us) < CLOCK_EVERY_US
        });
        if !known {
            seen.boot = Some(Boot { id: boot_id.to_owned(), offset_us, noted_us: now_us });
        }
        !known
    }

    /// Writes what is due, in one transaction.
    pub async fn flush(&self, db: &Db, now_us: i64) -> Result<()> {
        let due = self.due(now_us);
        if due.is_empty() {
            return Ok(());
        }
        let tx = db.begin().await?;
        for (device, seen) in &due {
            store::device::note_seen(tx.conn(), seen.org, *device, seen.last_us).await?;
        }
        tx.commit().await?;
        let mut all = self.lock();
        for (device, written) in due {
            if let Some(seen) = all.get_mut(&device) {
                seen.written_us = written.last_us;
            }
        }
        all.retain(|_, seen| now_us.saturating_sub(seen.last_us) < FORGET_US);
        Ok(())
    }

    fn due(&self, now_us: i64) -> Vec<(Uuid, Seen)> {
        let all = self.lock();
        let is_due = |seen: &Seen| {
            let fresh = seen.last_us > seen.written_us;
            let old = now_us.saturating_sub(seen.written_us) >= WRITE_EVERY_US;
            fresh && old
        };
        let mut due: Vec<(Uuid, Seen)> =
            all.iter().filter(|(_, s)| is_due(s)).map(|(id, s)| (*id, s.clone())).collect();
        // Rows are locked in one order, so that two replicas never wait in a circle.
        due.sort_unstable_by_key(|(id, _)| *id);
        due
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_talking_device_is_written_every_twenty_seconds() {
        let presence = Presence::default();
        let (org, device) = (Uuid::from_u128(1), Uuid::from_u128(2));
        presence.touch(org, device, 1_000);
        assert_eq!(presence.due(1_000).len(), 1);
        presence.lock().get_mut(&device).unwrap().written_us = 1_000;
        presence.touch(org, device, 2_000);
        assert!(presence.due(2_000).is_empty());
        assert_eq!(presence.due(1_000 + WRITE_EVERY_US).len(), 1);
        assert_eq!(presence.last_seen_us(device), Some(2_000));
    }

    #[test]
    fn only_another_clock_is_news() {
        let presence = Presence::default();
        let device = Uuid::from_u128(2);
        presence.touch(Uuid::nil(), device, 0);
        assert!(presence.is_new_clock(device, "a", 5, 0));
        assert!(!presence.is_new_clock(device, "a", 900_000, 10));
        assert!(presence.is_new_clock(device, "a", 2_000_000, 20));
        assert!(presence.is_new_clock(device, "b", 2_000_000, 30));
        assert!(presence.is_new_clock(device, "b", 2_000_000, 30 + CLOCK_EVERY_US));
    }
}
