//! Credentials of devices and partner systems.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    permission::PermissionSet,
};

/// Clients of partner systems that one organisation may have in use.
pub const PARTNERS_MAX: u64 = 1_000;

/// What a client stands for. The numbers are those of the contract's kinds of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// One device.
    Device = 2,
    /// A partner system.
    Partner = 3,
}

impl ClientKind {
    /// Number in the contract.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// By its number in the contract.
    pub fn from_number(number: i16) -> Option<Self> {
        match number {
            2 => Some(Self::Device),
            3 => Some(Self::Partner),
            _ => None,
        }
    }
}

/// A client, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Id; also the OAuth client id.
    pub id: Uuid,
    /// Display name.
    pub display_name: String,
    /// Device or partner.
    pub kind: ClientKind,
    /// Top of the subtree in which it may act.
    pub unit: Uuid,
    /// What it may do there.
    pub scopes: PermissionSet,
    /// The device of a device's client.
    pub device: Option<Uuid>,
    /// When it was revoked, in microseconds since 1970 UTC.
    pub revoke_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    /// When it was created, in microseconds since 1970 UTC.
    pub create_us: i64,
}

/// Checks what a partner's client is to be allowed.
///
/// # Errors
/// Invalid for nothing at all or something that no client can have; AboveOwn for more than
/// `held`, what its creator holds on the unit.
pub fn check_scopes(scopes: PermissionSet, held: PermissionSet) -> Result<()> {
    if scopes.is_empty() {
        return Err(Error::invalid("client.scopes", "is required"));
    }
    if !PermissionSet::grantable().covers(scopes) {
        return Err(Error::invalid("client.scopes", "holds one that no client can have"));
    }
    if !held.covers(scopes) {
        return Err(Error::AboveOwn);
    }
    Ok(())
}
