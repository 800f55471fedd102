//! What a password must hold to. It is taken as it is: nothing is trimmed, cut or replaced.

mod common;

use common::COMMON;

use crate::{
    error::{Error, Result},
    user::login_key,
};

/// Shortest password, in characters.
pub const LEN_MIN: usize = 8;
/// Longest password, in characters.
pub const LEN_MAX: usize = 128;
/// Logins shorter than this are in too many good passwords to be forbidden there.
const LOGIN_LEN_CHECKED: usize = 3;

/// Checks a new password for the account with `login`.
///
/// # Errors
/// WeakPassword naming `field`.
pub fn check(field: &str, password: &str, login: &str) -> Result<()> {
    let weak = |problem| Err(Error::WeakPassword { field: field.to_owned(), problem });
    let len = password.chars().take(LEN_MAX + 1).count();
    if len < LEN_MIN {
        return weak("is shorter than 8 characters");
    }
    if len > LEN_MAX {
        return weak("is longer than 128 characters");
    }
    let lower = password.to_lowercase();
    if COMMON.binary_search(&lower.as_str()).is_ok() || is_one_character(&lower) {
        return weak("is one of the most common passwords");
    }
    let login = login_key(login);
    if login.chars().count() >= LOGIN_LEN_CHECKED && lower.contains(&login) {
        return weak("contains the sign-in name");
    }
    Ok(())
}

fn is_one_character(password: &str) -> bool {
    let mut characters = password.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(COMMON.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(COMMON.iter().all(|word| word.chars().count() >= LEN_MIN));
        assert!(COMMON.iter().all(|word| *word == word.to_lowercase()));
    }

    #[test]
    fn easy_passwords_are_refused() {
        for bad in ["short", "1234567", "Password1", "QWERTYUIOP", "啊啊啊啊啊啊啊啊", "xxLIWEIxx!"]
        {
            assert!(matches!(check("p", bad, "liwei"), Err(Error::WeakPassword { .. })), "{bad}");
        }
    }

    #[test]
    fn blanks_emoji_and_length_are_welcome() {
        let long: String = ['长', 'a'].into_iter().cycle().take(LEN_MAX).collect();
        for good in ["  correct horse ", "🐎🔋📎🐴🐎🔋📎🐴", long.as_str(), "a li password"]
        {
            assert_eq!(check("p", good, "li"), Ok(()), "{good}");
        }
    }

    proptest! {
        #[test]
        fn length_is_counted_in_characters(len in 0_usize..200) {
            let password: String = ['界', 'k', '9', '🐎'].into_iter().cycle().take(len).collect();
            let good = check("p", &password, "somebody").is_ok();
            prop_assert_eq!(good, (LEN_MIN..=LEN_MAX).contains(&len));
        }
    }
}
