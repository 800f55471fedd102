//! Single permissions, by the numbers of the contract, and sets of them.

/// One permission. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// See units and staff.
    OrgRead = 1,
    /// Create, rename, move and retire units.
    OrgEdit = 2,
    /// Create, change and retire staff.
    StaffManage = 3,
    /// Create, change and disable users.
    UserManage = 4,
    /// Grant and withdraw roles.
    RoleGrant = 5,
    /// Define roles of the organisation.
    RoleManage = 6,
    /// Credentials of partner systems.
    ClientManage = 7,
    /// End sessions of others.
    SessionRevoke = 8,
    /// Read and verify the audit record.
    AuditRead = 9,
    /// Change settings of the organisation.
    OrganisationSettings = 10,
    /// See devices.
    DeviceRead = 11,
    /// Register, configure and retire devices.
    DeviceManage = 12,
    /// What a device does for itself.
    DeviceOperate = 13,
    /// See templates.
    TemplateRead = 14,
    /// Create and retire templates.
    TemplateManage = 15,
    /// Sign staff in and out at windows.
    ShiftWrite = 16,
    /// See who is signed in where.
    ShiftRead = 17,
    /// Report encounters.
    EncounterWrite = 18,
    /// See encounters.
    EncounterRead = 19,
    /// Submit ratings as a device.
    RatingSubmit = 20,
    /// Submit ratings placed by the sender.
    RatingImport = 21,
    /// See single ratings.
    RatingRead = 22,
    /// See, release and delete quarantined ratings.
    QuarantineManage = 23,
    /// See figures.
    AnalyticsRead = 24,
    /// See figures of single staff members side by side.
    AnalyticsRankStaff = 25,
    /// Change how ratings are judged.
    RatingPolicy = 26,
    /// Run the installation.
    SystemOperate = 27,
    /// Read a service's event feed.
    FeedRead = 28,
    /// See questionnaires, their versions and the template library.
    QuestionnaireRead = 29,
    /// Create, change, publish and close questionnaires.
    QuestionnaireManage = 30,
    /// See customers without their personal fields, classes, segments and loyalty measures.
    CustomerRead = 31,
    /// See names, contacts and other personal fields of customers.
    CustomerReadPersonal = 32,
    /// Create, import, merge and retire customers; define attributes, classes and segments.
    CustomerManage = 33,
    /// Post purchases and interactions of customers, as partner systems do.
    CustomerRecord = 34,
    /// Export everything that is held on one person.
    SubjectExport = 35,
    /// Erase one person's data for good.
    SubjectErase = 36,
    /// See plans, campaigns and the state of fieldwork.
    CampaignRead = 37,
    /// Plan and run campaigns: sample, invite, remind, close.
    CampaignManage = 38,
    /// See single responses without personal fields.
    ResponseRead = 39,
    /// Enter responses for others: telephone interviews, visits, paper.
    ResponseEnter = 40,
    /// Export responses in bulk.
    ResponseExport = 41,
    /// Define indices, run them and prepare publications.
    IndexManage = 42,
    /// Sign publications off, also against a reliability gate.
    IndexPublish = 43,
    /// Set targets, score cards and limits that raise alerts.
    TargetManage = 44,
    /// Extend the calendar of holidays and festivals.
    CalendarManage = 45,
    /// See the single ratings that belong to oneself as a member of staff.
    RatingReadOwn = 46,
    /// See one's own figures as a member of staff.
    AnalyticsReadOwn = 47,
}

use Permission as P;

/// Each permission with its word in OAuth scopes: family, dot, rest.
const WORDS: [(Permission, &str); 47] = [
    (P::OrgRead, "org.read"),
    (P::OrgEdit, "org.edit"),
    (P::StaffManage, "staff.manage"),
    (P::UserManage, "user.manage"),
    (P::RoleGrant, "role.grant"),
    (P::RoleManage, "role.manage"),
    (P::ClientManage, "client.manage"),
    (P::SessionRevoke, "session.revoke"),
    (P::AuditRead, "audit.read"),
    (P::OrganisationSettings, "organisation.settings"),
    (P::DeviceRead, "device.read"),
    (P::DeviceManage, "device.manage"),
    (P::DeviceOperate, "device.operate"),
    (P::TemplateRead, "template.read"),
    (P::TemplateManage, "template.manage"),
    (P::ShiftWrite, "shift.write"),
    (P::ShiftRead, "shift.read"),
    (P::EncounterWrite, "encounter.write"),
    (P::EncounterRead, "encounter.read"),
    (P::RatingSubmit, "rating.submit"),
    (P::RatingImport, "rating.import"),
    (P::RatingRead, "rating.read"),
    (P::QuarantineManage, "quarantine.manage"),
    (P::AnalyticsRead, "analytics.read"),
    (P::AnalyticsRankStaff, "analytics.rank_staff"),
    (P::RatingPolicy, "rating.policy"),
    (P::SystemOperate, "system.operate"),
    (P::FeedRead, "feed.read"),
    (P::QuestionnaireRead, "questionnaire.read"),
    (P::QuestionnaireManage, "questionnaire.manage"),
    (P::CustomerRead, "customer.read"),
    (P::CustomerReadPersonal, "customer.read_personal"),
    (P::CustomerManage, "customer.manage"),
    (P::CustomerRecord, "customer.record"),
    (P::SubjectExport, "subject.export"),
    (P::SubjectErase, "subject.erase"),
    (P::CampaignRead, "campaign.read"),
    (P::CampaignManage, "campaign.manage"),
    (P::ResponseRead, "response.read"),
    (P::ResponseEnter, "response.enter"),
    (P::ResponseExport, "response.export"),
    (P::IndexManage, "index.manage"),
    (P::IndexPublish, "index.publish"),
    (P::TargetManage, "target.manage"),
    (P::CalendarManage, "calendar.manage"),
    (P::RatingReadOwn, "rating.read_own"),
    (P::AnalyticsReadOwn, "analytics.read_own"),
];

impl Permission {
    /// All permissions in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.iter().map(|(permission, _)| *permission)
    }

    /// Number in the contract.
    pub fn number(self) -> i32 {
        self as i32
    }

    /// By its number in the contract.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::all().find(|permission| permission.number() == number)
    }

    /// Word in OAuth scopes, such as `rating.submit`.
    pub fn word(self) -> &'static str {
        let found = WORDS.iter().find(|(permission, _)| *permission == self);
        found.map(|(_, word)| *word).unwrap_or_default()
    }

    /// By its word in OAuth scopes.
    pub fn from_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(permission, _)| *permission)
    }

    /// Whether an organisation can hand it out: what belongs to whoever runs the
    /// installation, and to services among themselves, is in no role.
    pub fn is_grantable(self) -> bool {
        !matches!(self, Self::SystemOperate | Self::FeedRead)
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// Nothing.
    pub const EMPTY: Self = Self(0);

    /// The set with exactly these members.
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < permissions.len() {
            bits |= 1 << permissions[i] as u64;
            i += 1;
        }
        Self(bits)
    }

    /// Everything that an organisation can hand out.
    pub fn grantable() -> Self {
        Permission::all().filter(|permission| permission.is_grantable()).collect()
    }

    /// Whether `permission` is a member.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// Whether every member of `other` is a member of this set.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Members of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Members of this set that are not members of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has no members.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Members in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::all().filter(move |permission| self.contains(*permission))
    }

    /// Numbers of the members.
    pub fn numbers(self) -> Vec<i32> {
        self.iter().map(Permission::number).collect()
    }

    /// From numbers; unknown ones are left out, so that an older program never allows what it
    /// does not understand.
    pub fn from_numbers(numbers: &[i32]) -> Self {
        numbers.iter().filter_map(|number| Permission::from_number(*number)).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, p| bits | 1 << p as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back_to_their_permission() {
        for (place, permission) in Permission::all().enumerate() {
            assert_eq!(usize::try_from(permission.number()).unwrap(), place + 1);
            assert_eq!(Permission::from_number(permission.number()), Some(permission));
            assert_eq!(Permission::from_word(permission.word()), Some(permission));
        }
        assert_eq!(Permission::from_number(0), None);
        assert_eq!(Permission::from_word("rating"), None);
    }

    #[test]
    fn sets_keep_their_members_and_nothing_else() {
        let set = PermissionSet::of(&[P::OrgRead, P::FeedRead]);
        assert_eq!(set.numbers(), [1, 28]);
        assert_eq!(PermissionSet::from_numbers(&[28, 1, 0, 99]), set);
        assert!(!PermissionSet::grantable().covers(set));
        assert!(PermissionSet::grantable().covers(PermissionSet::of(&[P::RatingPolicy])));
    }
}
