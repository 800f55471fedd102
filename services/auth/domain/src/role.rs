//! Roles: the nine that every organisation has, and what an organisation's own must hold to.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    permission::{Permission as P, PermissionSet},
};

/// Roles of its own that an organisation may have.
pub const CUSTOM_ROLES_MAX: u64 = 200;

/// A named set of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id; of a built-in role 1 to 9.
    pub id: Uuid,
    /// Display name.
    pub display_name: String,
    /// What it allows.
    pub permissions: PermissionSet,
    /// Whether it is one of the nine.
    pub built_in: bool,
    /// Grows with every change.
    pub version: i64,
}

/// Roles that every organisation has and none can change. The numbers are their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// Everything.
    Owner = 1,
    /// Everything but defining roles, and so never above an owner.
    Administrator = 2,
    /// Runs the units below the own one.
    RegionalManager = 3,
    /// Runs one branch.
    BranchManager = 4,
    /// Reads ratings and figures.
    Analyst = 5,
    /// Reads the audit record and what it speaks of.
    Auditor = 6,
    /// Serves at windows.
    Staff = 7,
    /// What a device's credential may do.
    Device = 8,
    /// What a partner system usually needs.
    Partner = 9,
}

/// All built-in roles in the order of their ids.
pub const BUILT_IN: [BuiltIn; 9] = [
    BuiltIn::Owner,
    BuiltIn::Administrator,
    BuiltIn::RegionalManager,
    BuiltIn::BranchManager,
    BuiltIn::Analyst,
    BuiltIn::Auditor,
    BuiltIn::Staff,
    BuiltIn::Device,
    BuiltIn::Partner,
];

const BRANCH_MANAGER: &[P] = &[
    P::OrgRead,
    P::StaffManage,
    P::UserManage,
    P::RoleGrant,
    P::SessionRevoke,
    P::DeviceRead,
    P::DeviceManage,
    P::TemplateRead,
    P::ShiftWrite,
    P::ShiftRead,
    P::EncounterRead,
    P::RatingRead,
    P::AnalyticsRead,
    P::AnalyticsRankStaff,
    P::QuestionnaireRead,
    P::QuestionnaireManage,
    P::CustomerRead,
    P::CustomerManage,
    P::CampaignRead,
    P::CampaignManage,
    P::ResponseRead,
    P::ResponseEnter,
    P::ResponseExport,
    P::TargetManage,
    P::RatingReadOwn,
    P::AnalyticsReadOwn,
];

/// Not in the branch manager's hands: quarantined ratings may be about the branch itself.
const REGIONAL_MANAGER_MORE: &[P] =
    &[P::OrgEdit, P::AuditRead, P::QuarantineManage, P::IndexManage];

const ANALYST: &[P] = &[
    P::OrgRead,
    P::TemplateRead,
    P::ShiftRead,
    P::EncounterRead,
    P::RatingRead,
    P::AnalyticsRead,
    P::AnalyticsRankStaff,
    P::QuestionnaireRead,
    P::CustomerRead,
    P::CampaignRead,
    P::ResponseRead,
];

const AUDITOR: &[P] = &[
    P::OrgRead,
    P::AuditRead,
    P::DeviceRead,
    P::TemplateRead,
    P::ShiftRead,
    P::RatingRead,
    P::QuestionnaireRead,
    P::CampaignRead,
    P::ResponseRead,
];

const STAFF: &[P] = &[
    P::OrgRead,
    P::TemplateRead,
    P::ShiftWrite,
    P::ShiftRead,
    P::RatingReadOwn,
    P::AnalyticsReadOwn,
];

const DEVICE: &[P] = &[
    P::DeviceRead,
    P::DeviceOperate,
    P::TemplateRead,
    P::ShiftWrite,
    P::EncounterWrite,
    P::EncounterRead,
    P::RatingSubmit,
];

const PARTNER: &[P] = &[
    P::OrgRead,
    P::DeviceRead,
    P::DeviceOperate,
    P::TemplateRead,
    P::ShiftWrite,
    P::ShiftRead,
    P::EncounterWrite,
    P::EncounterRead,
    P::RatingSubmit,
    P::RatingImport,
    P::RatingRead,
    P::AnalyticsRead,
    P::QuestionnaireRead,
    P::CustomerRead,
    P::CustomerManage,
    P::CustomerRecord,
    P::CampaignRead,
    P::ResponseRead,
    P::ResponseEnter,
    P::ResponseExport,
];

impl BuiltIn {
    /// Its fixed id.
    pub fn id(self) -> Uuid {
        Uuid::from_u128(self as u128)
    }

    /// By its fixed id.
    pub fn from_id(id: Uuid) -> Option<Self> {
        BUILT_IN.into_iter().find(|role| role.id() == id)
    }

    /// Last part of its resource name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Administrator => "administrator",
            Self::RegionalManager => "regional-manager",
            Self::BranchManager => "branch-manager",
            Self::Analyst => "analyst",
            Self::Auditor => "auditor",
            Self::Staff => "staff",
            Self::Device => "device",
            Self::Partner => "partner",
        }
    }

    /// By the last part of its resource name.
    pub fn from_word(word: &str) -> Option<Self> {
        BUILT_IN.into_iter().find(|role| role.word() == word)
    }

    /// Display name in English; pages translate by the resource name.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Administrator => "Administrator",
            Self::RegionalManager => "Regional manager",
            Self::BranchManager => "Branch manager",
            Self::Analyst => "Analyst",
            Self::Auditor => "Auditor",
            Self::Staff => "Staff",
            Self::Device => "Device",
            Self::Partner => "Partner",
        }
    }

    /// What it allows.
    pub fn permissions(self) -> PermissionSet {
        match self {
            Self::Owner => PermissionSet::grantable(),
            Self::Administrator => {
                PermissionSet::grantable().without(PermissionSet::of(&[P::RoleManage]))
            }
            Self::RegionalManager => {
                let more = PermissionSet::of(REGIONAL_MANAGER_MORE);
                PermissionSet::of(BRANCH_MANAGER).union(more)
            }
            Self::BranchManager => PermissionSet::of(BRANCH_MANAGER),
            Self::Analyst => PermissionSet::of(ANALYST),
            Self::Auditor => PermissionSet::of(AUDITOR),
            Self::Staff => PermissionSet::of(STAFF),
            Self::Device => PermissionSet::of(DEVICE),
            Self::Partner => PermissionSet::of(PARTNER),
        }
    }

    /// As a role of the present program.
    pub fn role(self, version: i64) -> Role {
        Role {
            id: self.id(),
            display_name: self.display_name().to_owned(),
            permissions: self.permissions(),
            built_in: true,
            version,
        }
    }
}

/// Checks the permissions of an organisation's own role.
///
/// # Errors
/// Invalid for an empty role or one with a permission that no organisation can give;
/// AboveOwn when it allows more than `held`, which whoever defines it holds itself.
pub fn check_permissions(permissions: PermissionSet, held: PermissionSet) -> Result<()> {
    if permissions.is_empty() {
        return Err(Error::invalid("role.permissions", "is required"));
    }
    if !PermissionSet::grantable().covers(permissions) {
        return Err(Error::invalid("role.permissions", "holds one that no role can give"));
    }
    if !held.covers(permissions) {
        return Err(Error::AboveOwn);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_manager_can_hand_out_the_roles_below() {
        let may_grant =
            |held: BuiltIn, role: BuiltIn| held.permissions().covers(role.permissions());
        assert!(may_grant(BuiltIn::Owner, BuiltIn::Owner));
        assert!(may_grant(BuiltIn::Owner, BuiltIn::Partner));
        assert!(!may_grant(BuiltIn::Administrator, BuiltIn::Owner));
        assert!(may_grant(BuiltIn::Administrator, BuiltIn::Auditor));
        assert!(may_grant(BuiltIn::RegionalManager, BuiltIn::BranchManager));
        assert!(!may_grant(BuiltIn::BranchManager, BuiltIn::RegionalManager));
        assert!(may_grant(BuiltIn::BranchManager, BuiltIn::Staff));
        assert!(!may_grant(BuiltIn::Analyst, BuiltIn::Staff));
    }

    #[test]
    fn no_role_reaches_the_installation_or_the_feeds() {
        for role in BUILT_IN {
            assert!(PermissionSet::grantable().covers(role.permissions()), "{}", role.word());
            assert_eq!(BuiltIn::from_word(role.word()), Some(role));
            assert_eq!(BuiltIn::from_id(role.id()), Some(role));
        }
    }

    #[test]
    fn own_roles_hold_something_and_never_more_than_their_maker() {
        let held = BuiltIn::Analyst.permissions();
        assert!(check_permissions(PermissionSet::EMPTY, held).is_err());
        let system = PermissionSet::of(&[P::SystemOperate]);
        assert!(matches!(
            check_permissions(system, PermissionSet::grantable()),
            Err(Error::Invalid { .. })
        ));
        assert_eq!(check_permissions(PermissionSet::of(&[P::OrgEdit]), held), Err(Error::AboveOwn));
        assert_eq!(check_permissions(PermissionSet::of(&[P::OrgRead]), held), Ok(()));
    }
}
