//! Sets of permissions, and who holds them.

use proto::common::v1::Permission;
use uuid::Uuid;

/// Set of permissions as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// Nothing.
    pub const EMPTY: Self = Self(0);

    /// Whether it holds `permission`. The unspecified permission is held by nobody.
    pub fn contains(self, permission: Permission) -> bool {
        let bit = permission as u64;
        bit != 0 && self.0 & (1 << bit) != 0
    }

    /// Whether everything in `other` is in this set too.
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The permissions in it, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        (1..64)
            .filter(move |bit| self.0 & (1 << bit) != 0)
            .filter_map(|bit: i32| Permission::try_from(bit).ok())
    }

    /// From the numbers of the contract; unknown numbers are left out, so that an older
    /// service never allows what it does not understand.
    pub fn from_numbers(numbers: &[i32]) -> Self {
        numbers.iter().filter_map(|n| Permission::try_from(*n).ok()).collect()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let bits = permissions.into_iter().filter(|p| *p != Permission::Unspecified);
        Self(bits.fold(0, |set, permission| set | 1 << (permission as u64)))
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person.
    User(Uuid),
    /// A device or partner system.
    Client(Uuid),
    /// Another service of this installation.
    Internal,
    /// Whoever runs the installation.
    Operator,
    /// Nobody known.
    Anonymous,
}

impl Subject {
    /// As it is printed in the audit record.
    pub fn name(self) -> String {
        match self {
            Self::User(id) => proto::names::print("users", id),
            Self::Client(id) => proto::names::print("clients", id),
            Self::Internal => "internal".to_owned(),
            Self::Operator => "operator".to_owned(),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_and_nothing_else() {
        let set: PermissionSet =
            [Permission::OrgRead, Permission::RatingRead].into_iter().collect();
        assert!(set.contains(Permission::OrgRead) && !set.contains(Permission::OrgEdit));
        assert!(!set.contains(Permission::Unspecified));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Permission::OrgRead, Permission::RatingRead]);
        assert!(set.covers(PermissionSet::from_numbers(&[1])));
        assert_eq!(PermissionSet::from_numbers(&[0, 999]), PermissionSet::EMPTY);
    }
}
