//! What changed, as other services hear of it: always the whole new state of one object.

use uuid::Uuid;

use crate::{
    client::Client, grant::Grant, organisation::Organisation, role::Role, staff::Staff, unit::Unit,
    user::User,
};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Created or changed.
    Organisation(Organisation),
    /// Created, changed, moved or retired.
    Unit(Unit),
    /// Created, changed or retired.
    Staff(Staff),
    /// Created, changed or disabled.
    User(User),
    /// Created or changed.
    Role(Role),
    /// Removed: the last state.
    RoleRemoved(Role),
    /// Given.
    Grant(Grant),
    /// Withdrawn.
    GrantRemoved(Uuid),
    /// Created, changed or revoked.
    Client(Client),
    /// Ended: the session, and when.
    SessionRevoked(Uuid, i64),
}
