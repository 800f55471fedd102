//! One organisation as the services see it: an immutable snapshot with its indexes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::tz::TimeZone;
use proto::auth::v1::UnitKind;
use uuid::Uuid;

use super::{PermissionSet, StaffInfo, Subject, UnitInfo};

mod access;
mod apply;
mod history;

use access::role_id;
pub(super) use apply::object_of;

/// Longest way from a unit to the top; deeper than the contract allows means a defect.
const DEPTH_MAX: usize = 64;
/// How long an ended session is remembered: far longer than its last access token lives.
pub(super) const REVOKED_KEPT_US: i64 = 3_600 * 1_000_000;

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
    /// Since when it holds, and earlier ones.
    former_zones: (i64, Vec<(String, i64)>),
    /// Whether the operator suspended it: nobody of it may call.
    pub suspended: bool,
    units: HashMap<Uuid, Arc<UnitInfo>>,
    staff: HashMap<Uuid, Arc<StaffInfo>>,
    roles: HashMap<Uuid, PermissionSet>,
    grants: HashMap<String, GrantInfo>,
    clients: HashMap<Uuid, ClientInfo>,
    disabled_users: HashSet<Uuid>,
    /// Ended sessions, each with the time of its end.
    revoked_sessions: HashMap<Uuid, i64>,
    /// Not after the first of these times.
    revoked_since_us: i64,
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
            former_zones: (0, Vec::new()),
            suspended: false,
            units: HashMap::new(),
            staff: HashMap::new(),
            roles: HashMap::new(),
            grants: HashMap::new(),
            clients: HashMap::new(),
            disabled_users: HashSet::new(),
            revoked_sessions: HashMap::new(),
            revoked_since_us: i64::MAX,
            versions: HashMap::new(),
            children: HashMap::new(),
            staff_numbers: HashMap::new(),
            grants_by_subject: HashMap::new(),
            root: None,
        }
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
        self.climb(id, |unit| unit.parent).map(|unit| unit.id)
    }

    fn climb(
        &self,
        id: Uuid,
        parent: impl Fn(&UnitInfo) -> Option<Uuid>,
    ) -> impl Iterator<Item = &Arc<UnitInfo>> {
        let first = self.units.get(&id);
        std::iter::successors(first, move |unit| parent(unit).and_then(|p| self.units.get(&p)))
            .take(DEPTH_MAX)
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

    /// The nearest unit that is not a window: the unit itself or the one above it now.
    pub fn site_of(&self, unit: Uuid) -> Uuid {
        let site = self.climb(unit, |unit| unit.parent).find(|u| u.kind != UnitKind::Window);
        site.map_or(unit, |site| site.id)
    }

    /// Time zone of a unit: its own, or that of the nearest unit above that names one, or the
    /// organisation's.
    pub fn time_zone_of(&self, unit: Uuid) -> TimeZone {
        TimeZone::get(&self.time_zone_name_of(unit)).unwrap_or(TimeZone::UTC)
    }

    /// Name of [`Self::time_zone_of`].
    pub fn time_zone_name_of(&self, unit: Uuid) -> String {
        let mut upward = self.climb(unit, |unit| unit.parent);
        let named = upward.find(|unit| !unit.time_zone.is_empty());
        named.map_or_else(|| self.time_zone.clone(), |unit| unit.time_zone.clone())
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
}
