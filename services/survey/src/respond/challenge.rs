//! A piece of work for submissions that come in too fast from one place. A challenge is good for
//! one submission, so nothing has to be remembered of it.

use survey_domain::proof_of_work::{DIFFICULTY_DEFAULT, is_solved};
use uuid::Uuid;

use super::seal::Seal;

/// How long a challenge is accepted.
pub const LIFE_US: i64 = 10 * 60 * 1_000_000;

/// A challenge.
pub struct Challenge {
    /// As it is given out.
    pub text: String,
    /// Zero bits wanted.
    pub bits: u32,
    /// Until when it is accepted.
    pub expire_us: i64,
}

/// A challenge for a submission of a link.
pub fn make(seal: &Seal, link: &str, submission: Uuid, now_us: i64) -> Challenge {
    let expire_us = now_us + LIFE_US;
    let text = seal.close(&purpose(link, submission), &expire_us.to_be_bytes());
    Challenge { text, bits: DIFFICULTY_DEFAULT, expire_us }
}

/// Whether a challenge was made for this submission, still holds and is solved.
pub fn is_met(
    seal: &Seal,
    link: &str,
    submission: Uuid,
    challenge: &str,
    solution: &str,
    now_us: i64,
) -> bool {
    let expire = seal.open(&purpose(link, submission), challenge);
    let expire = expire.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    expire.is_some_and(|expire_us| now_us < expire_us)
        && is_solved(challenge, solution, DIFFICULTY_DEFAULT)
}

fn purpose(link: &str, submission: Uuid) -> Vec<u8> {
    [submission.as_bytes(), link.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use survey_domain::proof_of_work::solve;

    use super::*;

    #[test]
    fn a_solved_challenge_is_good_for_its_submission_and_time() {
        let seal = Seal::new(&[7; 32], "challenge");
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let challenge = make(&seal, "link", one, 1_000);
        let solution = solve(&challenge.text, challenge.bits, 1 << 24).unwrap();
        let met = |link, submission, now_us| {
            is_met(&seal, link, submission, &challenge.text, &solution, now_us)
        };
        assert!(met("link", one, 1_000));
        assert!(met("link", one, challenge.expire_us - 1));
        assert!(!met("link", one, challenge.expire_us));
        assert!(!met("link", other, 1_000));
        assert!(!met("other", one, 1_000));
        assert!(!is_met(&seal, "link", one, &challenge.text, "x", 1_000));
    }
}
