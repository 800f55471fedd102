//! What a respondent's browser holds while somebody answers. Nothing is stored for it until
//! something is saved or submitted.

use uuid::Uuid;

use super::seal::Seal;

/// A begun answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id of the draft that it may have.
    pub draft: Uuid,
    /// Version that is shown.
    pub version: i32,
    /// Seed of the order.
    pub seed: u32,
    /// When it was begun.
    pub start_us: i64,
    /// Language that is shown.
    pub language: String,
}

impl Session {
    /// As text, good for one link.
    pub fn print(&self, seal: &Seal, link: &str) -> String {
        let mut bytes = Vec::with_capacity(40 + self.language.len());
        bytes.extend_from_slice(self.draft.as_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.seed.to_be_bytes());
        bytes.extend_from_slice(&self.start_us.to_be_bytes());
        bytes.extend_from_slice(self.language.as_bytes());
        seal.close(link.as_bytes(), &bytes)
    }

    /// Reads what [`Session::print`] made for this link.
    pub fn parse(seal: &Seal, link: &str, text: &str) -> Option<Self> {
        let bytes = seal.open(link.as_bytes(), text)?;
        let (draft, rest) = bytes.split_first_chunk::<16>()?;
        let (version, rest) = rest.split_first_chunk::<4>()?;
        let (seed, rest) = rest.split_first_chunk::<4>()?;
        let (start_us, language) = rest.split_first_chunk::<8>()?;
        Some(Self {
            draft: Uuid::from_bytes(*draft),
            version: i32::from_be_bytes(*version),
            seed: u32::from_be_bytes(*seed),
            start_us: i64::from_be_bytes(*start_us),
            language: String::from_utf8(language.to_vec()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_again_for_its_own_link_only() {
        let seal = Seal::new(&[7; 32], "session");
        let session = Session {
            draft: Uuid::from_u128(5),
            version: 3,
            seed: 99,
            start_us: 1_700_000_000_000_000,
            language: "zh-CN".to_owned(),
        };
        let text = session.print(&seal, "link");
        assert_eq!(Session::parse(&seal, "link", &text), Some(session));
        assert_eq!(Session::parse(&seal, "other", &text), None);
        assert!(text.len() < 600);
    }
}
