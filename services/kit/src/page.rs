//! Pages of lists: sizes, and tokens that cannot be forged or used with another query.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proto::common::v1::Reason;
use tonic::Code;

use crate::error::{Result, ServiceError};

/// Rows of a page when the caller names no size.
pub const PAGE_SIZE_DEFAULT: u64 = 100;
/// Most rows of a page.
pub const PAGE_SIZE_MAX: u64 = 1_000;

const TAG_LEN: usize = 16;

/// Rows to answer: 0 means the default, larger than allowed is the largest allowed.
pub fn size(requested: i32) -> Result<u64> {
    match u64::try_from(requested) {
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(size) => Ok(size.min(PAGE_SIZE_MAX)),
        Err(_) => Err(ServiceError::invalid("pageSize", "is negative")),
    }
}

/// Makes and reads page tokens.
#[derive(Debug, Clone)]
pub struct PageTokens {
    key: hmac::Key,
}

impl PageTokens {
    /// Keyed by the installation's seed, so that all replicas read each other's tokens.
    pub fn new(seed: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, seed);
        let derived = hmac::sign(&root, b"manyi page tokens");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()) }
    }

    /// Token that continues after `last`. `filter` is everything that decides which rows are
    /// in the list, the organisation included.
    pub fn encode(&self, filter: &str, last: &str) -> String {
        let mut bytes = self.tag(filter, last);
        bytes.extend_from_slice(last.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The `last` that a token was made with, nothing for an empty token.
    ///
    /// # Errors
    /// INVALID_ARGUMENT with BAD_TOKEN when the token was altered or made for another query.
    pub fn decode(&self, filter: &str, token: &str) -> Result<Option<String>> {
        if token.is_empty() {
            return Ok(None);
        }
        let opened = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
            let (tag, last) = bytes.split_at_checked(TAG_LEN)?;
            let last = std::str::from_utf8(last).ok()?;
            let good =
                aws_lc_rs::constant_time::verify_slices_are_equal(tag, &self.tag(filter, last));
            good.ok().map(|()| last.to_owned())
        });
        opened.map(Some).ok_or_else(|| {
            let text = "the page token is not one of this list";
            ServiceError::new(Code::InvalidArgument, Reason::BadToken, text)
        })
    }

    fn tag(&self, filter: &str, last: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(filter.len() as u64).to_be_bytes());
        context.update(filter.as_bytes());
        context.update(last.as_bytes());
        context.sign().as_ref()[..TAG_LEN].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_continues_only_its_own_list() {
        let tokens = PageTokens::new(&[7; 32]);
        let token = tokens.encode("org1|unit=x", "42");
        assert_eq!(tokens.decode("org1|unit=x", &token).unwrap().as_deref(), Some("42"));
        assert_eq!(tokens.decode("org1|unit=x", "").unwrap(), None);
        for (filter, token) in [
            ("org2|unit=x", token.clone()),
            ("org1|unit=x", format!("{token}A")),
            ("org1|unit=x", "garbage!".to_owned()),
            ("org1|unit=x", "AAAA".to_owned()),
        ] {
            let error = tokens.decode(filter, &token).unwrap_err();
            assert_eq!(error.reason(), Reason::BadToken);
        }
    }

    #[test]
    fn sizes_are_clamped_and_negative_ones_refused() {
        assert_eq!(size(0).unwrap(), PAGE_SIZE_DEFAULT);
        assert_eq!(size(7).unwrap(), 7);
        assert_eq!(size(i32::MAX).unwrap(), PAGE_SIZE_MAX);
        assert!(size(-1).is_err());
    }
}
