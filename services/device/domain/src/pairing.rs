//! Pairing codes: eight characters that people can read aloud, and what is made of them.

/// Digits and letters without I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code.
const LEN: usize = 8;
/// How long a code is valid.
pub const VALID_US: i64 = 24 * 3_600 * 1_000_000;
/// How long an enrolment that was begun keeps others from using its code.
pub const CLAIM_US: i64 = 30 * 1_000_000;
/// Wrong codes that one caller may send in a minute.
pub const WRONG_PER_CALLER: i64 = 5;
/// Wrong codes that the whole installation takes in a minute. A code has 40 bits, so even
/// this many for a day find one of a thousand open codes with a chance below one in 10⁶.
pub const WRONG_IN_TOTAL: i64 = 600;

/// The code of 40 random bits, as it is stored: without the dash.
pub fn code(random: [u8; 5]) -> String {
    let bits = random.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let digit = |i: usize| ALPHABET[(bits >> (35 - 5 * i) & 31) as usize] as char;
    (0..LEN).map(digit).collect()
}

/// The code as it is shown, such as `7KQ2-M9XA`.
pub fn print(code: &str) -> String {
    match code.split_at_checked(LEN / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// What a person typed, as it is stored: without dashes and blanks, in capitals, look-alikes
/// read as the digits they look like. Nothing if it cannot be a code.
pub fn normalise(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(LEN);
    for c in typed.chars().filter(|c| *c != '-' && *c != ' ') {
        let c = match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        };
        if !c.is_ascii() || !ALPHABET.contains(&(c as u8)) || code.len() == LEN {
            return None;
        }
        code.push(c);
    }
    (code.len() == LEN).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_code_is_read_back_however_it_is_typed() {
        for random in [[0; 5], [255; 5], [1, 2, 3, 4, 5], [0x9a, 0, 0x7f, 0x80, 0x11]] {
            let code = code(random);
            assert_eq!(code.len(), LEN);
            let shown = print(&code);
            assert_eq!(normalise(&shown).as_deref(), Some(code.as_str()));
            assert_eq!(normalise(&shown.to_lowercase()).as_deref(), Some(code.as_str()));
            let sloppy = shown.replace('0', "o").replace('1', "l").replace('-', " ");
            assert_eq!(normalise(&sloppy).as_deref(), Some(code.as_str()));
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_refused() {
        for bad in ["", "7KQ2-M9X", "7KQ2-M9XAA", "7KQ2-M9XU", "７KQ2-M9XA", "7KQ2_M9XA"] {
            assert_eq!(normalise(bad), None, "{bad}");
        }
    }

    #[test]
    fn different_bits_are_different_codes() {
        let codes: std::collections::BTreeSet<String> =
            (0..=255).map(|b| code([b, 0, 0, 0, b])).collect();
        assert_eq!(codes.len(), 256);
    }
}
