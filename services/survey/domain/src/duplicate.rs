//! When two records are probably one person: spellings that mean the same are made the same
//! before they are compared.

/// Why customers are probably one. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The same telephone number.
    Phone = 1,
    /// The same e-mail address.
    Email = 2,
    /// The same name and birthday.
    NameAndBirthday = 3,
}

/// All reasons in the order of their weight.
pub const REASONS: [Reason; 3] = [Reason::Phone, Reason::Email, Reason::NameAndBirthday];

/// Fewest digits of a telephone number that tells people apart.
const PHONE_DIGITS_MIN: usize = 5;

/// A telephone number without signs, spaces and China's own country code; nothing when it is too
/// short to tell people apart. An extension after `x`, `#` or 转 stays.
pub fn phone(text: &str) -> Option<String> {
    let mut digits = String::new();
    let mut extension = false;
    for sign in text.chars().map(half_width) {
        match sign {
            '0'..='9' => digits.push(sign),
            'x' | 'X' | '#' | '转' if !digits.is_empty() && !extension => {
                extension = true;
                digits.push('x');
            }
            _ => {}
        }
    }
    let plus = text.trim_start().starts_with(['+', '＋']);
    let national = match (plus, digits.strip_prefix("0086"), digits.strip_prefix("86")) {
        (_, Some(rest), _) => rest,
        (true, None, Some(rest)) => rest,
        // A Chinese mobile number has 11 digits and begins with 1.
        (false, None, Some(rest)) if rest.len() == 11 && rest.starts_with('1') => rest,
        _ => digits.as_str(),
    };
    (national.len() >= PHONE_DIGITS_MIN).then(|| national.to_owned())
}

/// An e-mail address in small letters; nothing when it is none.
pub fn email(text: &str) -> Option<String> {
    let text: String = text.trim().chars().map(half_width).collect::<String>().to_lowercase();
    let (local, host) = text.rsplit_once('@')?;
    let sound = !local.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !text.chars().any(|sign| sign.is_whitespace() || sign.is_control());
    sound.then_some(text)
}

/// A name in small letters with single spaces; Chinese names without any. Nothing when empty.
pub fn name(text: &str) -> Option<String> {
    let plain: String = text.chars().map(half_width).collect::<String>().to_lowercase();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let letters_only = words.iter().any(|word| word.chars().any(|c| c.is_ascii_alphabetic()));
    let joined = words.join(if letters_only { " " } else { "" });
    (!joined.is_empty()).then_some(joined)
}

/// Full-width letters, digits and signs as ordinary ones.
fn half_width(sign: char) -> char {
    match sign {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(sign) - 0xfee0).expect("the block mirrors ASCII")
        }
        _ => sign,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_number_are_one() {
        for text in [
            "13800138000",
            "138 0013 8000",
            "+86 138-0013-8000",
            "0086 13800138000",
            "8613800138000",
            "１３８００１３８０００",
            "(138) 0013.8000",
        ] {
            assert_eq!(phone(text).as_deref(), Some("13800138000"), "{text}");
        }
        assert_eq!(phone("010-6552 9988 转 12").as_deref(), Some("01065529988x12"));
        assert_eq!(phone("+1 415 555 2671").as_deref(), Some("14155552671"));
        assert_eq!(phone("110"), None);
        assert_eq!(phone("none"), None);
    }

    #[test]
    fn addresses_ignore_case_and_refuse_what_is_none() {
        assert_eq!(email(" Li.Lei@Example.COM ").as_deref(), Some("li.lei@example.com"));
        for text in ["", "x", "@x.y", "a@b", "a b@c.d", "a@.c", "a@c."] {
            assert_eq!(email(text), None, "{text}");
        }
    }

    #[test]
    fn names_ignore_case_and_spaces() {
        assert_eq!(name("  Ada   LOVELACE "), name("ada lovelace"));
        assert_eq!(name("李 雷"), name("李雷"));
        assert_ne!(name("Ada Lovelace"), name("AdaLovelace"));
        assert_eq!(name(" \u{3000} "), None);
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            for normal in [email, name] {
                if let Some(once) = normal(&text) {
                    prop_assert_eq!(normal(&once), Some(once.clone()));
                }
            }
        }
    }
}
