//! A small piece of work that makes sending many answers dear: a text has to be found whose hash
//! begins with zeros.

use sha2::{Digest, Sha256};

/// Zero bits wanted by default: about a second of a telephone's time.
pub const DIFFICULTY_DEFAULT: u32 = 18;
/// Most zero bits that may be asked for.
pub const DIFFICULTY_MAX: u32 = 26;

/// Whether SHA-256 of `challenge`, a colon and `solution` begins with `bits` zero bits.
pub fn is_solved(challenge: &str, solution: &str, bits: u32) -> bool {
    let mut hash = Sha256::new();
    hash.update(challenge.as_bytes());
    hash.update(b":");
    hash.update(solution.as_bytes());
    leading_zeros(&hash.finalize()) >= bits
}

/// Zero bits at the beginning.
pub fn leading_zeros(bytes: &[u8]) -> u32 {
    let mut zeros = 0;
    for byte in bytes {
        zeros += byte.leading_zeros();
        if *byte != 0 {
            break;
        }
    }
    zeros
}

/// Finds a solution by trying numbers, as a browser does. `None` after `tries`.
pub fn solve(challenge: &str, bits: u32, tries: u64) -> Option<String> {
    (0..tries).map(|n| n.to_string()).find(|solution| is_solved(challenge, solution, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_counted_in_bits() {
        assert_eq!(leading_zeros(&[]), 0);
        assert_eq!(leading_zeros(&[0x80]), 0);
        assert_eq!(leading_zeros(&[0x01]), 7);
        assert_eq!(leading_zeros(&[0, 0, 0x20, 0]), 18);
        assert_eq!(leading_zeros(&[0, 0]), 16);
    }

    #[test]
    fn a_solution_holds_for_its_challenge_only() {
        let solution = solve("abc", 10, 1 << 16).unwrap();
        assert!(is_solved("abc", &solution, 10));
        assert!(!is_solved("abd", &solution, 10) || !is_solved("abe", &solution, 10));
        assert!(!is_solved("abc", &solution, 30));
    }
}
