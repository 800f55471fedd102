//! Pages of lists: sizes, and tokens that cannot be forged or used with another query.

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proto::common::v1::Reason;
use tonic::Code;
use uuid::Uuid;

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
        opened.map(Some).ok_or_else(bad_token)
    }

    /// The page that a request asks for. `filter` is as in [`PageTokens::encode`].
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a negative size, and for a token of another list.
    pub fn open<P: Place>(&self, filter: String, size: i32, token: &str) -> Result<Page<'_, P>> {
        let limit = self::size(size)? + 1;
        let last = self.decode(&filter, token)?;
        let after = last.map(|text| P::parse(&text).ok_or_else(bad_token)).transpose()?;
        Ok(Page { tokens: self, filter, after, limit })
    }

    fn tag(&self, filter: &str, last: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(filter.len() as u64).to_be_bytes());
        context.update(filter.as_bytes());
        context.update(last.as_bytes());
        context.sign().as_ref()[..TAG_LEN].to_vec()
    }
}

fn bad_token() -> ServiceError {
    let text = "the token is none that this call gave out for the same question";
    ServiceError::new(Code::InvalidArgument, Reason::BadToken, text)
}

/// Where a row stands in a list: what the list is ordered by.
pub trait Place: Sized {
    /// As it stands in a token.
    fn print(&self) -> String;
    /// Reads [`Place::print`]; nothing for any other text, such as one of an earlier release.
    fn parse(text: &str) -> Option<Self>;
}

impl Place for Uuid {
    fn print(&self) -> String {
        self.simple().to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }
}

impl Place for i64 {
    fn print(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Place for i32 {
    fn print(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Place for String {
    fn print(&self) -> String {
        self.clone()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// Bytes such as a hash, in hexadecimal digits.
impl Place for Vec<u8> {
    fn print(&self) -> String {
        self.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        (0..text.len()).step_by(2).map(pair).collect()
    }
}

/// A number, most often a time in µs, and what decides between equal ones.
impl<P: Place> Place for (i64, P) {
    fn print(&self) -> String {
        format!("{}.{}", self.0, self.1.print())
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('.')?;
        Some((i64::parse(first)?, P::parse(rest)?))
    }
}

/// A page that is asked for of a list ordered by `P`: read [`Page::limit`] rows after
/// [`Page::after`], then [`Page::close`] it.
#[derive(Debug)]
pub struct Page<'a, P> {
    tokens: &'a PageTokens,
    filter: String,
    /// Place of the last row that was shown before; nothing for the first page.
    pub after: Option<P>,
    /// Rows to read: one more than are shown, to know whether there are more.
    pub limit: u64,
}

impl<P: Place> Page<'_, P> {
    /// Rows to show at most.
    pub fn size(&self) -> usize {
        usize::try_from(self.limit - 1).unwrap_or(usize::MAX)
    }

    /// Cuts what was read to the page; answers the token of the next one, empty at the end.
    pub fn close<T>(&self, rows: &mut Vec<T>, place: impl FnOnce(&T) -> P) -> String {
        let more = rows.len() > self.size();
        rows.truncate(self.size());
        let last = rows.last().filter(|_| more);
        last.map(|row| self.token(&place(row))).unwrap_or_default()
    }

    /// Token of the page after `last`, for lists that are not read in one piece.
    pub fn token(&self, last: &P) -> String {
        self.tokens.encode(&self.filter, &last.print())
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

    /// Pages of so many rows of a list, newest first, until its end.
    fn walk(tokens: &PageTokens, rows: &[(i64, Uuid)], size: i32) -> Vec<Vec<(i64, Uuid)>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let page = tokens.open("list".to_owned(), size, &token).unwrap();
            let after = page.after;
            let wanted = rows.iter().filter(|row| after.is_none_or(|after| **row < after));
            let mut found: Vec<_> = wanted.copied().take(page.limit as usize).collect();
            token = page.close(&mut found, |row| *row);
            pages.push(found);
            if token.is_empty() {
                return pages;
            }
        }
    }

    #[test]
    fn pages_show_each_row_once_and_the_last_one_has_no_token() {
        let tokens = PageTokens::new(&[7; 32]);
        // Negative times and rows of one time; all that decides is in the token.
        let row = |n: i64| (n / 3 - 2, Uuid::from_u128(n as u128));
        let rows: Vec<_> = (0..12).rev().map(row).collect();
        for (size, pages) in [(1, 12), (5, 3), (6, 2), (12, 1), (100, 1)] {
            let found = walk(&tokens, &rows, size);
            assert_eq!(found.len(), pages, "{size}");
            assert_eq!(found.concat(), rows, "{size}");
        }
        assert_eq!(walk(&tokens, &[], 3), [[]]);
    }

    #[test]
    fn a_token_whose_place_is_of_another_kind_is_refused_as_bad() {
        let tokens = PageTokens::new(&[7; 32]);
        for place in ["", "7", "7.x", "x.00000000000000000000000000000000"] {
            let token = tokens.encode("list", place);
            let error = tokens.open::<(i64, Uuid)>("list".to_owned(), 0, &token).unwrap_err();
            assert_eq!(error.reason(), Reason::BadToken, "{place}");
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
