//! OAuth scopes: permissions as words separated by spaces.

use crate::{
    error::{Error, Result},
    permission::{Permission, PermissionSet},
};

/// What a client's token is limited to: all that the client `holds` when nothing is asked
/// for, else exactly what is asked for.
///
/// # Errors
/// InvalidScope for an unknown word or one that the client does not hold.
pub fn narrow(asked: &str, holds: PermissionSet) -> Result<PermissionSet> {
    let words: Vec<&str> = asked.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Ok(holds);
    }
    let set: Option<PermissionSet> = words.into_iter().map(Permission::from_word).collect();
    set.filter(|set| holds.covers(*set)).ok_or(Error::InvalidScope)
}

/// The words of a set.
pub fn print(set: PermissionSet) -> String {
    let words: Vec<&str> = set.iter().map(Permission::word).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_asks_for_no_more_than_its_client_holds() {
        let holds = PermissionSet::of(&[Permission::RatingSubmit, Permission::OrgRead]);
        assert_eq!(narrow("", holds), Ok(holds));
        assert_eq!(narrow(" rating.submit  org.read ", holds), Ok(holds));
        let one = narrow("rating.submit", holds).unwrap();
        assert_eq!(print(one), "rating.submit");
        for bad in ["rating.read", "rating.submit nonsense", "rating.submit\torg.read", "*"] {
            assert_eq!(narrow(bad, holds), Err(Error::InvalidScope), "{bad}");
        }
    }
}
