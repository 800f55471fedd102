//! Most answers of some groups.

use uuid::Uuid;

use crate::{Error, Result};

/// Largest limit.
pub const LIMIT_MAX: i32 = 10_000_000;

/// A group of customers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Group {
    /// Of a class.
    Class(Uuid),
    /// Of a unit or one below it.
    Unit(Uuid),
    /// Of a segment, as it was when they were invited.
    Segment(Uuid),
}

impl Group {
    /// Number of its kind, for the database.
    pub fn kind(self) -> i16 {
        match self {
            Self::Class(_) => 1,
            Self::Unit(_) => 2,
            Self::Segment(_) => 3,
        }
    }

    /// Id of the class, unit or segment.
    pub fn id(self) -> Uuid {
        match self {
            Self::Class(id) | Self::Unit(id) | Self::Segment(id) => id,
        }
    }

    /// From its parts.
    pub fn of(kind: i16, id: Uuid) -> Option<Self> {
        match kind {
            1 => Some(Self::Class(id)),
            2 => Some(Self::Unit(id)),
            3 => Some(Self::Segment(id)),
            _ => None,
        }
    }
}

/// Most answers of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quota {
    /// Whose answers.
    pub group: Group,
    /// Most answers, 1 to [`LIMIT_MAX`].
    pub limit: i32,
}

/// Whom an answer comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Class of the customer.
    pub class: Option<Uuid>,
    /// The unit and all above it.
    pub units: &'a [Uuid],
    /// Segments of the customer when it was invited.
    pub segments: &'a [Uuid],
}

/// Checks the quotas of a campaign.
///
/// # Errors
/// Invalid, with the place of the quota.
pub fn check(quotas: &[Quota]) -> Result<()> {
    for (i, quota) in quotas.iter().enumerate() {
        if !(1..=LIMIT_MAX).contains(&quota.limit) {
            let field = format!("quotas[{i}].limit");
            return Err(Error::invalid(field, "is not between 1 and 10000000"));
        }
        if quotas[..i].iter().any(|other| other.group == quota.group) {
            return Err(Error::invalid(format!("quotas[{i}]"), "names a group twice"));
        }
    }
    Ok(())
}

/// Whether an answer counts for a group.
pub fn counts(group: Group, origin: &Origin<'_>) -> bool {
    match group {
        Group::Class(class) => origin.class == Some(class),
        Group::Unit(unit) => origin.units.contains(&unit),
        Group::Segment(segment) => origin.segments.contains(&segment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_class_its_unit_and_those_above_and_its_segments() {
        let id = Uuid::from_u128;
        let origin =
            Origin { class: Some(id(1)), units: &[id(3), id(2)], segments: &[id(5), id(6)] };
        for (group, expected) in [
            (Group::Class(id(1)), true),
            (Group::Class(id(2)), false),
            (Group::Unit(id(2)), true),
            (Group::Unit(id(3)), true),
            (Group::Unit(id(1)), false),
            (Group::Segment(id(6)), true),
            (Group::Segment(id(1)), false),
        ] {
            assert_eq!(counts(group, &origin), expected, "{group:?}");
            assert_eq!(Group::of(group.kind(), group.id()), Some(group));
        }
    }

    #[test]
    fn quotas_have_a_limit_and_each_group_once() {
        let quota = |n: u128, limit| Quota { group: Group::Class(Uuid::from_u128(n)), limit };
        assert!(check(&[quota(1, 1), quota(2, LIMIT_MAX)]).is_ok());
        assert!(check(&[quota(1, 0)]).is_err());
        assert!(check(&[quota(1, LIMIT_MAX + 1)]).is_err());
        assert!(check(&[quota(1, 5), quota(1, 6)]).is_err());
    }
}
