//! One organisation as the services see it: an immutable snapshot with its indexes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::tz::TimeZone;
use proto::{
    auth::v1::{Client, Event, Grant, OpeningHours, Staff, Unit, UnitKind, event::Change},
    common::v1::Permission,
    names, time,
};
use uuid::Uuid;

use super::{PermissionSet, Subject};

/// Longest way from a unit to the top; deeper than the contract allows means a defect.
const DEPTH_MAX: usize = 64;

/// A unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitInfo {
    /// Its id.
    pub id: Uuid,
    /// Unit above; none for the headquarters.
    pub parent: Option<Uuid>,
    /// Level.
    pub kind: UnitKind,
    /// Display name.
    pub display_name: String,
    /// The organisation's own code.
    pub code: String,
    /// IANA time zone; empty inherits.
    pub time_zone: String,
    /// Opening hours; empty inherits.
    pub opening_hours: Vec<OpeningHours>,
    /// Since when it exists.
    pub valid_from_us: i64,
    /// When it was retired.
    pub valid_to_us: Option<i64>,
}

/// A staff member.
#[derive(Debug, Clone, PartialEq)]
pub struct StaffInfo {
    /// Id.
    pub id: Uuid,
    /// Staff number.
    pub number: String,
    /// Display name.
    pub display_name: String,
    /// Home unit.
    pub unit: Uuid,
    /// User account of the same person.
    pub user: Option<Uuid>,
    /// Whether the person left.
    pub retired: bool,
}

#[derive(Debug, Clone)]
struct GrantInfo {
    subject: Subject,
    role: Uuid,
    unit: Uuid,
}

#[derive(Debug, Clone)]
struct ClientInfo {
    unit: Uuid,
    scopes: PermissionSet,
    revoked: bool,
}

/// One organisation.
#[derive(Debug, Clone)]
pub struct OrgView {
    /// Its id.
    pub id: Uuid,
    /// Sign-in name.
    pub slug: String,
    /// Display name.
    pub display_name: String,
    /// IANA time zone of units that name none.
    pub time_zone: String,
    units: HashMap<Uuid, Arc<UnitInfo>>,
    staff: HashMap<Uuid, Arc<StaffInfo>>,
    roles: HashMap<Uuid, PermissionSet>,
    grants: HashMap<String, GrantInfo>,
    clients: HashMap<Uuid, ClientInfo>,
    disabled_users: HashSet<Uuid>,
    revoked_sessions: HashSet<String>,
    versions: HashMap<String, i64>,
    children: HashMap<Uuid, Vec<Uuid>>,
    staff_numbers: HashMap<String, Uuid>,
    grants_by_subject: HashMap<Subject, Vec<(Uuid, Uuid)>>,
    root: Option<Uuid>,
}

impl OrgView {
    /// An organisation of which nothing is known yet.
    pub fn empty(id: Uuid) -> Self {
        Self {
            id,
            slug: String::new(),
            display_name: String::new(),
            time_zone: "UTC".to_owned(),
            units: HashMap::new(),
            staff: HashMap::new(),
            roles: HashMap::new(),
            grants: HashMap::new(),
            clients: HashMap::new(),
            disabled_users: HashSet::new(),
            revoked_sessions: HashSet::new(),
            versions: HashMap::new(),
            children: HashMap::new(),
            staff_numbers: HashMap::new(),
            grants_by_subject: HashMap::new(),
            root: None,
        }
    }

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
            }
            Change::UnitChanged(unit) => self.put_unit(unit),
            Change::StaffChanged(staff) => self.put_staff(staff),
            Change::UserChanged(user) => {
                if let Some(id) = names::parse("users", &user.name) {
                    if user.disabled {
                        self.disabled_users.insert(id);
                    } else {
                        self.disabled_users.remove(&id);
                    }
                }
            }
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
            Change::SessionRevoked(name) => {
                self.revoked_sessions.insert(name.clone());
            }
            Change::KeyRevoked(_) => {}
        }
    }

    fn put_unit(&mut self, unit: &Unit) {
        let Some(id) = names::parse("units", &unit.name) else { return };
        let info = UnitInfo {
            id,
            parent: names::parse("units", &unit.parent),
            kind: unit.kind(),
            display_name: unit.display_name.clone(),
            code: unit.code.clone(),
            time_zone: unit.time_zone.clone(),
            opening_hours: unit.opening_hours.clone(),
            valid_from_us: unit.valid_from.as_ref().map_or(0, time::to_us),
            valid_to_us: time::to_us_opt(unit.valid_to.as_ref()),
        };
        self.units.insert(id, Arc::new(info));
    }

    fn put_staff(&mut self, staff: &Staff) {
        let ids = (names::parse("staff", &staff.name), names::parse("units", &staff.unit));
        let (Some(id), Some(unit)) = ids else { return };
        let info = StaffInfo {
            id,
            number: staff.staff_number.clone(),
            display_name: staff.display_name.clone(),
            unit,
            user: names::parse("users", &staff.user),
            retired: staff.retire_time.is_some(),
        };
        self.staff.insert(id, Arc::new(info));
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

    /// Builds the indexes anew.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.children.clear();
        for unit in self.units.values() {
            match unit.parent {
                Some(parent) => self.children.entry(parent).or_default().push(unit.id),
                None => self.root = Some(unit.id),
            }
        }
        for children in self.children.values_mut() {
            children.sort_unstable();
        }
        self.staff_numbers = self.staff.values().map(|s| (s.number.clone(), s.id)).collect();
        self.grants_by_subject.clear();
        for grant in self.grants.values() {
            let held = self.grants_by_subject.entry(grant.subject).or_default();
            held.push((grant.unit, grant.role));
        }
        self
    }

    /// The headquarters.
    pub fn root(&self) -> Option<Uuid> {
        self.root
    }

    /// A unit, retired ones included.
    pub fn unit(&self, id: Uuid) -> Option<&Arc<UnitInfo>> {
        self.units.get(&id)
    }

    /// All units, retired ones included, in no order.
    pub fn units(&self) -> impl Iterator<Item = &Arc<UnitInfo>> {
        self.units.values()
    }

    /// Units directly below.
    pub fn children(&self, id: Uuid) -> &[Uuid] {
        self.children.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Units from the headquarters down to and including `id`; empty for an unknown unit.
    pub fn path(&self, id: Uuid) -> Vec<Uuid> {
        let mut path: Vec<Uuid> = self.upward(id).collect();
        path.reverse();
        path
    }

    /// `id` and the units above it, up to the headquarters.
    pub fn upward(&self, id: Uuid) -> impl Iterator<Item = Uuid> {
        let first = self.units.get(&id);
        std::iter::successors(first, |unit| unit.parent.and_then(|p| self.units.get(&p)))
            .take(DEPTH_MAX)
            .map(|unit| unit.id)
    }

    /// Whether `unit` is `ancestor` or below it.
    pub fn is_within(&self, unit: Uuid, ancestor: Uuid) -> bool {
        self.upward(unit).any(|id| id == ancestor)
    }

    /// `unit` and everything below it, parents before children.
    pub fn subtree(&self, unit: Uuid) -> Vec<Uuid> {
        let mut found = Vec::new();
        if self.units.contains_key(&unit) {
            found.push(unit);
        }
        let mut next = 0;
        while let Some(id) = found.get(next).copied() {
            found.extend_from_slice(self.children(id));
            next += 1;
        }
        found
    }

    /// The nearest unit that is not a window: the unit itself or the one above it.
    pub fn site_of(&self, unit: Uuid) -> Uuid {
        let site = self
            .upward(unit)
            .find(|id| self.units.get(id).is_some_and(|u| u.kind != UnitKind::Window));
        site.unwrap_or(unit)
    }

    /// Time zone of a unit: its own, or that of the nearest unit above that names one, or the
    /// organisation's.
    pub fn time_zone_of(&self, unit: Uuid) -> TimeZone {
        TimeZone::get(&self.time_zone_name_of(unit)).unwrap_or(TimeZone::UTC)
    }

    /// Name of [`Self::time_zone_of`].
    pub fn time_zone_name_of(&self, unit: Uuid) -> String {
        let named = self
            .upward(unit)
            .filter_map(|id| self.units.get(&id))
            .find(|unit| !unit.time_zone.is_empty());
        named.map_or_else(|| self.time_zone.clone(), |unit| unit.time_zone.clone())
    }

    /// Opening hours of a unit, inherited like the time zone; empty means unknown.
    pub fn opening_hours_of(&self, unit: Uuid) -> &[OpeningHours] {
        let given = self
            .upward(unit)
            .filter_map(|id| self.units.get(&id))
            .find(|unit| !unit.opening_hours.is_empty());
        given.map(|unit| unit.opening_hours.as_slice()).unwrap_or_default()
    }

    /// A staff member, retired ones included.
    pub fn staff(&self, id: Uuid) -> Option<&Arc<StaffInfo>> {
        self.staff.get(&id)
    }

    /// All staff, in no order.
    pub fn all_staff(&self) -> impl Iterator<Item = &Arc<StaffInfo>> {
        self.staff.values()
    }

    /// By staff number (工号).
    pub fn staff_by_number(&self, number: &str) -> Option<&Arc<StaffInfo>> {
        self.staff.get(self.staff_numbers.get(number)?)
    }

    /// Staff member whose user account `user` is.
    pub fn staff_of_user(&self, user: Uuid) -> Option<&Arc<StaffInfo>> {
        self.staff.values().find(|staff| staff.user == Some(user))
    }

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
        gone || session
            .is_some_and(|id| self.revoked_sessions.contains(&names::print("sessions", id)))
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
pub const BUILT_IN_ROLES: [&str; 9] = [
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

/// The object that a change is about: changes of one object replace each other.
pub(super) fn object_of(change: &Change) -> String {
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
