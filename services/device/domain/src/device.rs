//! Devices, their life, and where they stood.

use uuid::Uuid;

use crate::{Error, Result};

/// How long after its last word a device counts as online.
pub const ONLINE_US: i64 = 90 * 1_000_000;

/// Kind of a device; the numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Buttons behind a bridge.
    ButtonTerminal = 1,
    /// Networked terminal.
    NetworkTerminal = 2,
    /// Page on a tablet.
    Tablet = 3,
    /// Source of imported ratings; has no window and no credential.
    Import = 4,
}

impl Kind {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::ButtonTerminal, Self::NetworkTerminal, Self::Tablet, Self::Import]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }
}

/// State of a device's life; the numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for its pairing code.
    Registered = 1,
    /// Has a credential.
    Active = 2,
    /// Whatever it sends goes to quarantine.
    Revoked = 3,
    /// Out of use.
    Retired = 4,
}

impl State {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Registered, Self::Active, Self::Revoked, Self::Retired]
            .into_iter()
            .find(|state| *state as i32 == number)
    }
}

/// An evaluation device (评价器).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Unit that manages it.
    pub unit: Uuid,
    /// Display name.
    pub display_name: String,
    /// Kind.
    pub kind: Kind,
    /// Serial number or empty.
    pub serial_number: String,
    /// Template of its own.
    pub template: Option<Uuid>,
    /// State.
    pub state: State,
    /// When it was last heard of.
    pub last_seen_us: Option<i64>,
    /// When it was first enrolled.
    pub enroll_us: Option<i64>,
    /// When it was revoked.
    pub revoke_us: Option<i64>,
    /// Whether its credential still has to be ended at the auth service.
    pub credential_due: bool,
    /// Firmware that it reported.
    pub firmware_version: String,
    /// Language or empty.
    pub language: String,
    /// Messages waiting on it, as last reported.
    pub backlog: i64,
    /// When its configuration changed last.
    pub change_us: i64,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
    /// Messages that it reported as dropped.
    pub dropped_count: i64,
    /// Ratings refused because their id had other content.
    pub conflict_count: i64,
}

impl Device {
    /// Whether it was heard of within the last 90 seconds.
    pub fn is_online(&self, now_us: i64) -> bool {
        self.last_seen_us.is_some_and(|seen| now_us.saturating_sub(seen) <= ONLINE_US)
    }

    /// Whether it may get a pairing code.
    ///
    /// # Errors
    /// Import sources have none; what a revoked device sends is never counted again, so it is
    /// registered anew instead.
    pub fn may_pair(&self) -> Result<()> {
        match (self.kind, self.state) {
            (Kind::Import, _) => Err(Error::WrongState("an import source has no pairing code")),
            (_, State::Registered | State::Active) => Ok(()),
            (_, State::Revoked) => {
                Err(Error::WrongState("the device is revoked; register it as a new one"))
            }
            (_, State::Retired) => Err(Error::WrongState("the device is retired")),
        }
    }

    /// It got its credential.
    pub fn enroll(&mut self, now_us: i64, serial_number: &str, firmware: &str) -> Result<()> {
        self.may_pair()?;
        self.state = State::Active;
        self.enroll_us.get_or_insert(now_us);
        self.last_seen_us = Some(now_us);
        if !serial_number.is_empty() {
            serial_number.clone_into(&mut self.serial_number);
        }
        if !firmware.is_empty() {
            firmware.clone_into(&mut self.firmware_version);
        }
        Ok(())
    }

    /// Stops it. False if it was stopped before.
    pub fn revoke(&mut self, now_us: i64) -> bool {
        if matches!(self.state, State::Revoked | State::Retired) {
            return false;
        }
        self.credential_due = self.enroll_us.is_some() && self.kind != Kind::Import;
        self.state = State::Revoked;
        self.revoke_us = Some(now_us);
        true
    }

    /// Takes it out of use. False if it was out of use before.
    pub fn retire(&mut self, now_us: i64) -> bool {
        if self.state == State::Retired {
            return false;
        }
        self.revoke(now_us);
        self.state = State::Retired;
        true
    }

    /// Whether it may be put at a window.
    pub fn may_stand(&self) -> Result<()> {
        match (self.kind, self.state) {
            (Kind::Import, _) => Err(Error::WrongState("an import source stands at no window")),
            (_, State::Registered | State::Active) => Ok(()),
            (_, State::Revoked) => Err(Error::WrongState("the device is revoked")),
            (_, State::Retired) => Err(Error::WrongState("the device is retired")),
        }
    }
}

/// That a device stood at a window for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment {
    /// Id.
    pub id: Uuid,
    /// Device.
    pub device: Uuid,
    /// Window.
    pub window: Uuid,
    /// Since when.
    pub from_us: i64,
    /// Until when, itself not included.
    pub to_us: Option<i64>,
}

impl Assignment {
    /// Whether it held at that instant.
    pub fn covers(&self, us: i64) -> bool {
        self.from_us <= us && self.to_us.is_none_or(|to| us < to)
    }
}

/// Window at which a device stood at that instant.
pub fn window_at(assignments: &[Assignment], us: i64) -> Option<Uuid> {
    // The latest wins should two overlap.
    let at_that_time = assignments.iter().filter(|a| a.covers(us));
    at_that_time.max_by_key(|a| a.from_us).map(|a| a.window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(kind: Kind, state: State) -> Device {
        Device {
            id: Uuid::from_u128(1),
            org: Uuid::from_u128(2),
            unit: Uuid::from_u128(3),
            display_name: "d".into(),
            kind,
            serial_number: String::new(),
            template: None,
            state,
            last_seen_us: None,
            enroll_us: None,
            revoke_us: None,
            credential_due: false,
            firmware_version: String::new(),
            language: String::new(),
            backlog: 0,
            change_us: 0,
            version: 1,
            create_us: 0,
            dropped_count: 0,
            conflict_count: 0,
        }
    }

    #[test]
    fn a_device_is_online_for_ninety_seconds_after_its_last_word() {
        let mut device = device(Kind::Tablet, State::Active);
        assert!(!device.is_online(0));
        device.last_seen_us = Some(1_000);
        assert!(device.is_online(1_000 + ONLINE_US));
        assert!(!device.is_online(1_001 + ONLINE_US));
    }

    #[test]
    fn the_first_enrolment_is_remembered_and_a_revoked_device_never_comes_back() {
        let mut device = device(Kind::Tablet, State::Registered);
        assert_eq!(device.enroll(5, "S1", "1.0"), Ok(()));
        assert_eq!(device.enroll(9, "", "1.1"), Ok(()));
        assert_eq!((device.enroll_us, device.last_seen_us), (Some(5), Some(9)));
        assert_eq!(
            (device.serial_number.as_str(), device.firmware_version.as_str()),
            ("S1", "1.1")
        );
        assert!(device.revoke(10));
        assert!(!device.revoke(11));
        assert!(device.credential_due);
        assert_eq!(device.revoke_us, Some(10));
        assert!(device.enroll(12, "", "").is_err());
        assert!(device.may_stand().is_err());
        assert!(device.retire(13));
        assert_eq!((device.state, device.revoke_us), (State::Retired, Some(10)));
    }

    #[test]
    fn an_import_source_has_neither_code_nor_window() {
        let device = device(Kind::Import, State::Active);
        assert!(device.may_pair().is_err());
        assert!(device.may_stand().is_err());
    }

    #[test]
    fn the_assignment_of_the_time_decides() {
        let at = |window, from_us, to_us| Assignment {
            id: Uuid::nil(),
            device: Uuid::nil(),
            window: Uuid::from_u128(window),
            from_us,
            to_us,
        };
        let history = [at(1, 10, Some(20)), at(2, 20, Some(30)), at(3, 40, None)];
        let window = |us| window_at(&history, us).map(|w| w.as_u128());
        assert_eq!(window(9), None);
        assert_eq!(window(10), Some(1));
        assert_eq!(window(20), Some(2));
        assert_eq!(window(30), None);
        assert_eq!(window(1_000), Some(3));
    }
}
