//! Who may hand out and withdraw roles.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    permission::PermissionSet,
};

/// Grants that one user may hold.
pub const GRANTS_PER_USER_MAX: u64 = 200;

/// A role that a user holds on a unit and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: Uuid,
    /// Who holds it.
    pub user: Uuid,
    /// What it allows.
    pub role: Uuid,
    /// Top of the subtree.
    pub unit: Uuid,
    /// When it was given.
    pub create_us: i64,
}

/// What someone holds in one subtree, compared with what a manager holds at its top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What the manager holds on the unit.
    pub manager: PermissionSet,
    /// What the other one was granted there.
    pub other: PermissionSet,
}

/// Giving or taking a role needs all that it allows, on the same unit: otherwise a manager
/// could reach through another account what was kept from the own one.
pub fn check_role(held: PermissionSet, role: PermissionSet) -> Result<()> {
    if held.covers(role) { Ok(()) } else { Err(Error::AboveOwn) }
}

/// Whoever takes over or locks an account must hold everything that the account holds.
pub fn check_account(standings: &[Standing]) -> Result<()> {
    standings.iter().try_for_each(|standing| check_role(standing.manager, standing.other))
}

/// Checks that someone stays owner when `leaving` no longer is. `owners` are the users who
/// can sign in and hold the owner's role on the headquarters.
pub fn check_owner_stays(owners: &[Uuid], leaving: Uuid) -> Result<()> {
    let concerned = owners.contains(&leaving);
    if concerned && owners.iter().all(|owner| *owner == leaving) {
        return Err(Error::LastOwner);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::BuiltIn;

    #[test]
    fn an_account_is_managed_only_by_whoever_holds_all_of_it() {
        let manager = BuiltIn::BranchManager.permissions();
        let clerk = Standing { manager, other: BuiltIn::Staff.permissions() };
        let owner = Standing { manager, other: BuiltIn::Owner.permissions() };
        let foreign =
            Standing { manager: PermissionSet::EMPTY, other: BuiltIn::Staff.permissions() };
        assert_eq!(check_account(&[]), Ok(()));
        assert_eq!(check_account(&[clerk]), Ok(()));
        assert_eq!(check_account(&[clerk, owner]), Err(Error::AboveOwn));
        assert_eq!(check_account(&[clerk, foreign]), Err(Error::AboveOwn));
    }

    #[test]
    fn the_last_owner_stays() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(check_owner_stays(&[a], a), Err(Error::LastOwner));
        assert_eq!(check_owner_stays(&[a, a], a), Err(Error::LastOwner));
        assert_eq!(check_owner_stays(&[a, b], a), Ok(()));
        assert_eq!(check_owner_stays(&[a], b), Ok(()));
    }
}
