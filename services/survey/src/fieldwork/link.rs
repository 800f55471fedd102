//! Links: signed capabilities that are verified without the database. 39 characters: a kind, an
//! id and a tag of 96 bits that only this installation can make.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use kit::auth::derive;
use sha2::Sha256;
use uuid::Uuid;

const TAG_LEN: usize = 12;
const ID_LEN: usize = 16;
/// Where links lead when the campaign names no address.
const BASE_DEFAULT: &str = "/s/";

/// What a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// An invitation, once.
    Invitation(Uuid),
    /// An open link.
    Open(Uuid),
}

impl Claim {
    fn parts(self) -> (u8, Uuid) {
        match self {
            Self::Invitation(id) => (1, id),
            Self::Open(id) => (2, id),
        }
    }

    fn of(kind: u8, id: Uuid) -> Option<Self> {
        match kind {
            1 => Some(Self::Invitation(id)),
            2 => Some(Self::Open(id)),
            _ => None,
        }
    }
}

/// Makes and reads the codes of links.
#[derive(Clone)]
pub struct Links {
    key: [u8; 32],
}

impl Links {
    /// Keyed by the installation's seed, so that all replicas read each other's links.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self { key: derive(seed, b"manyi survey links") }
    }

    /// The code of a link, printable and fit for an address.
    pub fn code(&self, claim: Claim) -> String {
        let (kind, id) = claim.parts();
        let mut bytes = vec![kind];
        bytes.extend_from_slice(id.as_bytes());
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag[..TAG_LEN]);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The code appended to a campaign's address.
    pub fn link(&self, base: &str, claim: Claim) -> String {
        let base = if base.is_empty() { BASE_DEFAULT } else { base };
        format!("{base}{}", self.code(claim))
    }

    /// What a code opens; `None` for anything that this installation did not make.
    pub fn read(&self, code: &str) -> Option<Claim> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(code).ok()?;
        let (signed, tag) = bytes.split_at_checked(1 + ID_LEN)?;
        if tag.len() != TAG_LEN {
            return None;
        }
        self.mac(signed).verify_truncated_left(tag).ok()?;
        Claim::of(signed[0], Uuid::from_slice(&signed[1..]).ok()?)
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any key length will do");
        mac.update(signed);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_is_read_by_its_own_installation_only() {
        let (ours, theirs) = (Links::new(&[1; 32]), Links::new(&[2; 32]));
        for claim in [Claim::Invitation(Uuid::now_v7()), Claim::Open(Uuid::now_v7())] {
            let code = ours.code(claim);
            assert_eq!(code.len(), 39);
            assert_eq!(ours.read(&code), Some(claim));
            assert_eq!(theirs.read(&code), None);
            assert_eq!(ours.link("https://x.cn/s/", claim), format!("https://x.cn/s/{code}"));
            assert_eq!(ours.link("", claim), format!("/s/{code}"));
        }
    }

    proptest! {
        #[test]
        fn an_altered_link_opens_nothing(
            id: u128, open: bool, at in 0usize..29, bit in 0u8..8, noise in "\\PC{0,80}",
        ) {
            let links = Links::new(&[7; 32]);
            let id = Uuid::from_u128(id);
            let claim = if open { Claim::Open(id) } else { Claim::Invitation(id) };
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(links.code(claim)).unwrap();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(links.read(&BASE64_URL_SAFE_NO_PAD.encode(&bytes)), None);
            let code = links.code(claim);
            prop_assert_eq!(links.read(&code[..38]), None);
            prop_assert_eq!(links.read(&format!("{code}A")), None);
            prop_assert_eq!(links.read(&noise), None);
        }
    }
}
