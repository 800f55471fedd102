//! People who sign in.

use uuid::Uuid;

use crate::error::{Error, Result};

/// Users that one organisation may have.
pub const USERS_MAX: u64 = 100_000;
/// Longest sign-in name, in characters.
pub const LOGIN_LEN_MAX: usize = 128;

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// Sign-in name as it was given.
    pub login: String,
    /// Display name.
    pub display_name: String,
    /// Home unit.
    pub unit: Uuid,
    /// `zh-CN`, `en` or empty.
    pub language: String,
    /// Whether the user is kept from signing in.
    pub disabled: bool,
    /// Grows with every change.
    pub version: i64,
    /// When it was created, in microseconds since 1970 UTC.
    pub create_us: i64,
}

/// Checks a sign-in name: 1 to 128 visible characters.
pub fn check_login(field: &str, login: &str) -> Result<()> {
    let len = login.chars().count();
    if !(1..=LOGIN_LEN_MAX).contains(&len) {
        return Err(Error::invalid(field, "is not 1 to 128 characters long"));
    }
    if login.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::invalid(field, "contains blanks or control characters"));
    }
    Ok(())
}

/// The form in which sign-in names are compared: without case and outer blanks.
pub fn login_key(login: &str) -> String {
    login.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_compared_without_case() {
        assert_eq!(login_key(" Li.Wei@Bank.CN "), login_key("li.wei@bank.cn"));
        assert_eq!(check_login("l", "李伟"), Ok(()));
        for bad in ["", "a b", "a\tb", "a\0", &"x".repeat(129)] {
            assert!(check_login("l", bad).is_err(), "{bad:?}");
        }
    }
}
