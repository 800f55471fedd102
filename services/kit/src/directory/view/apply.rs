//! How events change the view of an organisation.

use std::sync::Arc;

use proto::{
    auth::v1::{Client, Event, Grant, User, event::Change},
    names,
};

use super::{ClientInfo, GrantInfo, OrgView, REVOKED_KEPT_US, StaffInfo, UnitInfo, role_id};
use crate::directory::{PermissionSet, Subject, unit::former_zones};

impl OrgView {
    /// Takes one event in, unless a newer one of the same object was taken before. Indexes
    /// are stale until [`Self::indexed`].
    pub fn apply(&mut self, event: &Event) {
        let Some(change) = &event.change else { return };
        let object = object_of(change);
        let known = self.versions.entry(object).or_insert(i64::MIN);
        if event.version < *known {
            return;
        }
        *known = event.version;
        match change {
            Change::OrganisationChanged(o) => {
                self.slug.clone_from(&o.slug);
                self.display_name.clone_from(&o.display_name);
                self.time_zone.clone_from(&o.time_zone);
                let since_us = o.time_zone_time.as_ref().map_or(0, proto::time::to_us);
                self.former_zones = (since_us, former_zones(&o.former_time_zones));
                self.suspended = o.suspend_time.is_some();
            }
            Change::UnitChanged(unit) => {
                if let Some(info) = UnitInfo::read(unit) {
                    self.units.insert(info.id, Arc::new(info));
                }
            }
            Change::StaffChanged(staff) => {
                if let Some(info) = StaffInfo::read(staff) {
                    self.staff.insert(info.id, Arc::new(info));
                }
            }
            Change::UserChanged(user) => self.put_user(user),
            Change::RoleChanged(role) => {
                if let Some(id) = role_id(&role.name) {
                    self.roles.insert(id, PermissionSet::from_numbers(&role.permissions));
                }
            }
            Change::RoleRemoved(name) => {
                if let Some(id) = role_id(name) {
                    self.roles.remove(&id);
                }
            }
            Change::GrantAdded(grant) => self.put_grant(grant),
            Change::GrantRemoved(name) => {
                self.grants.remove(name);
            }
            Change::ClientChanged(client) => self.put_client(client),
            Change::SessionRevoked(name) => self.put_revoked(name, event.version),
            Change::KeyRevoked(_) => {}
        }
    }

    fn put_grant(&mut self, grant: &Grant) {
        let user = names::parse("users", &grant.subject).map(Subject::User);
        let subject = user.or_else(|| names::parse("clients", &grant.subject).map(Subject::Client));
        let parts = (subject, role_id(&grant.role), names::parse("units", &grant.unit));
        if let (Some(subject), Some(role), Some(unit)) = parts {
            self.grants.insert(grant.name.clone(), GrantInfo { subject, role, unit });
        }
    }

    fn put_client(&mut self, client: &Client) {
        let ids = (names::parse("clients", &client.name), names::parse("units", &client.unit));
        let (Some(id), Some(unit)) = ids else { return };
        let scopes = PermissionSet::from_numbers(&client.scopes);
        let revoked = client.revoke_time.is_some();
        self.clients.insert(id, ClientInfo { unit, scopes, revoked });
    }

    fn put_user(&mut self, user: &User) {
        let Some(id) = names::parse("users", &user.name) else { return };
        if user.disabled {
            self.disabled_users.insert(id);
        } else {
            self.disabled_users.remove(&id);
        }
    }

    /// Remembers an ended session until no token of it can be alive any more. The version of
    /// such an event is the time at which the session ended.
    fn put_revoked(&mut self, name: &str, revoke_us: i64) {
        let Some(id) = names::parse("sessions", name) else { return };
        self.revoked_sessions.insert(id, revoke_us);
        self.revoked_since_us = self.revoked_since_us.min(revoke_us);
        let over_us = revoke_us.saturating_sub(REVOKED_KEPT_US);
        if self.revoked_since_us >= over_us {
            return;
        }
        self.revoked_sessions.retain(|_, us| *us >= over_us);
        self.revoked_since_us = self.revoked_sessions.values().copied().min().unwrap_or(i64::MAX);
        let sessions = &self.revoked_sessions;
        self.versions.retain(|object, _| {
            names::parse("sessions", object).is_none_or(|id| sessions.contains_key(&id))
        });
    }
}

/// The object that a change is about: changes of one object replace each other.
pub fn object_of(change: &Change) -> String {
    match change {
        Change::OrganisationChanged(o) => o.name.clone(),
        Change::UnitChanged(unit) => unit.name.clone(),
        Change::StaffChanged(staff) => staff.name.clone(),
        Change::UserChanged(user) => user.name.clone(),
        Change::RoleChanged(role) => role.name.clone(),
        Change::GrantAdded(grant) => grant.name.clone(),
        Change::ClientChanged(client) => client.name.clone(),
        Change::RoleRemoved(name) | Change::GrantRemoved(name) | Change::SessionRevoked(name) => {
            name.clone()
        }
        Change::KeyRevoked(kid) => format!("keys/{kid}"),
    }
}
