//! What handlers of stored objects share.

use kit::{
    auth::Caller,
    clock::SharedClock,
    db::Db,
    error::{Result, ServiceError},
    page::{self, PageTokens},
};
use proto::names;
use tonic::Code;
use uuid::Uuid;

use crate::{
    answers::AnswerFigures, figures::Figures, freshness::Freshness, indices::Indices,
    verifier::Findings,
};

/// The parts.
pub struct App {
    /// The service's own database.
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// Page tokens.
    pub pages: PageTokens,
    /// Figures of ratings.
    pub figures: Figures,
    /// Figures of answers.
    pub answers: AnswerFigures,
    /// Computes indices.
    pub indices: Indices,
    /// How far the feed of ratings is counted.
    pub ratings: Freshness,
    /// What the verifier has found.
    pub verified: Findings,
}

/// The id in a name that was checked for its form before.
///
/// # Errors
/// INVALID_FIELD for anything else.
pub fn id(collection: &str, field: &str, name: &str) -> Result<Uuid> {
    names::parse(collection, name)
        .ok_or_else(|| ServiceError::invalid(field, format!("is no resource name {collection}/…")))
}

/// Checks the rule's permission on the unit of an object. What lies outside of all that the
/// caller may know of looks like what does not exist.
///
/// # Errors
/// NOT_FOUND or PERMISSION_DENIED.
pub fn authorize(caller: &Caller, unit: Uuid, what: &str) -> Result<()> {
    caller.authorize(unit).map_err(|error| match error.code() {
        Code::NotFound => ServiceError::not_found(what),
        _ => error,
    })
}

/// Units of which a list shows objects; `None` for the whole organisation.
///
/// # Errors
/// As [`Caller::visible`].
pub fn shown(caller: &Caller) -> Result<Option<Vec<Uuid>>> {
    let visible = caller.visible()?;
    Ok(if visible.is_all() { None } else { Some(visible.units()) })
}

/// A page of a list newest first.
pub struct Page {
    key: String,
    /// Where the page begins.
    pub after: Option<(i64, Uuid)>,
    /// Rows to read: one more than the page has.
    pub limit: u64,
}

impl Page {
    /// Reads size and token; `key` is everything that decides which rows are in the list.
    ///
    /// # Errors
    /// INVALID_FIELD for a negative size, BAD_TOKEN for a token of another list.
    pub fn open(pages: &PageTokens, key: String, size: i32, token: &str) -> Result<Self> {
        let limit = page::size(size)? + 1;
        let after = pages.decode(&key, token)?.map(|place| {
            let (us, id) = place.split_once(' ').unwrap_or_default();
            (us.parse().unwrap_or_default(), id.parse().unwrap_or_default())
        });
        Ok(Self { key, after, limit })
    }

    /// Cuts the rows to the page; the token of the next one, empty at the end.
    pub fn close<T>(
        self,
        pages: &PageTokens,
        rows: &mut Vec<T>,
        place: impl Fn(&T) -> (i64, Uuid),
    ) -> String {
        let size = usize::try_from(self.limit - 1).unwrap_or(usize::MAX);
        if rows.len() <= size {
            return String::new();
        }
        rows.truncate(size);
        let Some((us, id)) = rows.last().map(place) else { return String::new() };
        pages.encode(&self.key, &format!("{us} {id}"))
    }
}
