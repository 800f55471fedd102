//! Pages of lists.

use kit::{
    error::{Result, ServiceError},
    page,
};
use uuid::Uuid;

use crate::{convert, state::App};

/// How many rows to read for a page, and how many to show: one more is read to know whether the
/// list goes on.
pub fn sizes(requested: i32) -> Result<(u64, usize)> {
    let size = page::size(requested)?;
    Ok((size + 1, usize::try_from(size).unwrap_or(usize::MAX)))
}

/// Cuts what was read to the page and makes the token of the next.
pub fn cut<T>(
    app: &App,
    key: &str,
    found: &mut Vec<T>,
    size: usize,
    place: impl Fn(&T) -> String,
) -> String {
    let more = found.len() > size;
    found.truncate(size);
    match found.last() {
        Some(last) if more => app.pages.encode(key, &place(last)),
        _ => String::new(),
    }
}

/// The id after which a page begins.
pub fn after_id(app: &App, key: &str, token: &str) -> Result<Option<Uuid>> {
    let after = app.pages.decode(key, token)?;
    let parse = |text: String| {
        Uuid::try_parse(&text).map_err(|_| ServiceError::internal("a page token holds no id"))
    };
    after.map(parse).transpose()
}

/// The time and id after which a page begins.
pub fn after_place(app: &App, key: &str, token: &str) -> Result<Option<(i64, Uuid)>> {
    app.pages.decode(key, token)?.as_deref().map(convert::parse_place).transpose()
}

/// An id as it stands in a token.
pub fn id_text(id: Uuid) -> String {
    id.simple().to_string()
}
