//! What subjects may do in an organisation.

use proto::{common::v1::Permission, names};
use uuid::Uuid;

use super::OrgView;
use crate::directory::{PermissionSet, Subject};

impl OrgView {
    /// Permissions of a role.
    pub fn role(&self, role: Uuid) -> Option<PermissionSet> {
        self.roles.get(&role).copied()
    }

    /// Units and roles that a subject was granted.
    pub fn grants_of(&self, subject: Subject) -> &[(Uuid, Uuid)] {
        self.grants_by_subject.get(&subject).map(Vec::as_slice).unwrap_or_default()
    }

    /// What a subject may do on a unit.
    pub fn permissions(&self, subject: Subject, unit: Uuid) -> PermissionSet {
        let mut held = PermissionSet::EMPTY;
        for above in self.upward(unit) {
            for (_, set) in self.roots_of(subject).filter(|(root, _)| *root == above) {
                held = held.union(set);
            }
        }
        held
    }

    /// Tops of the subtrees in which a subject may do something, with what it may do there.
    pub fn roots_of(&self, subject: Subject) -> impl Iterator<Item = (Uuid, PermissionSet)> {
        let client = match subject {
            Subject::Client(id) => self.clients.get(&id).filter(|client| !client.revoked),
            _ => None,
        };
        let granted = self.grants_of(subject).iter();
        granted
            .filter_map(|(unit, role)| Some((*unit, self.role(*role)?)))
            .chain(client.map(|client| (client.unit, client.scopes)))
    }

    /// Tops of the subtrees in which a subject holds one permission.
    pub fn roots_with(&self, subject: Subject, permission: Permission) -> Vec<Uuid> {
        let holding = self.roots_of(subject).filter(|(_, set)| set.contains(permission));
        let mut roots: Vec<Uuid> = holding.map(|(unit, _)| unit).collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// Whether a token of this subject and session must no longer be honoured.
    pub fn is_revoked(&self, subject: Subject, session: Option<Uuid>) -> bool {
        let gone = match subject {
            Subject::User(id) => self.disabled_users.contains(&id),
            Subject::Client(id) => self.clients.get(&id).is_some_and(|client| client.revoked),
            _ => false,
        };
        gone || session.is_some_and(|id| self.revoked_sessions.contains_key(&id))
    }
}

/// Id of a role from its name; built-in roles have the ids 1 to 9.
pub fn role_id(name: &str) -> Option<Uuid> {
    names::parse("roles", name).or_else(|| {
        let word = name.strip_prefix("roles/")?;
        let place = BUILT_IN_ROLES.iter().position(|role| *role == word)?;
        Some(Uuid::from_u128(place as u128 + 1))
    })
}

/// Built-in roles in the order of their ids.
const BUILT_IN_ROLES: [&str; 9] = [
    "owner",
    "administrator",
    "regional-manager",
    "branch-manager",
    "analyst",
    "auditor",
    "staff",
    "device",
    "partner",
];
