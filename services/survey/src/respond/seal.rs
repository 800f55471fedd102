//! Small texts that others hold for us and cannot alter: sessions, challenges, places in an
//! export. What is in them is readable, and belongs to whoever holds them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

const TAG_LEN: usize = 16;

/// Seals and opens texts of one kind.
#[derive(Clone)]
pub struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// Keyed by the installation's seed, so that all replicas open each other's seals. One kind
    /// of text never passes for another.
    pub fn new(seed: &[u8; 32], kind: &str) -> Self {
        Self { key: kit::auth::derive(seed, kind.as_bytes()) }
    }

    /// Content with a tag, printable and fit for an URL. `bound` is what it is good for: it is
    /// not in the text and has to be known to open it.
    pub fn close(&self, bound: &[u8], content: &[u8]) -> String {
        let tag = self.mac(bound, content).finalize().into_bytes();
        let mut bytes = tag[..TAG_LEN].to_vec();
        bytes.extend_from_slice(content);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a text that [`Seal::close`] made for the same purpose.
    pub fn open(&self, bound: &[u8], text: &str) -> Option<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, content) = bytes.split_at_checked(TAG_LEN)?;
        self.mac(bound, content).verify_truncated_left(tag).ok()?;
        Some(content.to_vec())
    }

    /// A keyed hash of parts.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.empty();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn mac(&self, bound: &[u8], content: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.empty();
        mac.update(&(bound.len() as u64).to_be_bytes());
        mac.update(bound);
        mac.update(content);
        mac
    }

    fn empty(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.key).expect("this hash takes keys of any length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_opens_only_for_its_kind_and_purpose() {
        let seal = Seal::new(&[7; 32], "one");
        let text = seal.close(b"link", b"content");
        assert_eq!(seal.open(b"link", &text).as_deref(), Some(&b"content"[..]));
        assert_eq!(seal.open(b"other", &text), None);
        assert_eq!(Seal::new(&[7; 32], "two").open(b"link", &text), None);
        assert_eq!(Seal::new(&[8; 32], "one").open(b"link", &text), None);
        for bad in ["", "AAAA", "???", &text[1..], &format!("{text}AAAA")] {
            assert_eq!(seal.open(b"link", bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_a_hash_do_not_run_together() {
        let seal = Seal::new(&[7; 32], "one");
        assert_ne!(seal.hash(&[b"ab", b"c"]), seal.hash(&[b"a", b"bc"]));
        assert_ne!(seal.hash(&[b"a"]), seal.hash(&[b"a", b""]));
    }
}
