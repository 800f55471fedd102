//! Pages of the lists of fieldwork.

use kit::{
    error::{Result, ServiceError},
    page,
};
use uuid::Uuid;

use crate::{convert, state::App};

/// A page that is asked for.
pub struct Page {
    key: String,
    /// Rows to show.
    size: u64,
    last: Option<String>,
}

impl Page {
    /// From a request; `key` is everything that decides which rows are in the list.
    pub fn open(app: &App, key: String, size: i32, token: &str) -> Result<Self> {
        let last = app.pages.decode(&key, token)?;
        Ok(Self { key, size: page::size(size)?, last })
    }

    /// Rows to read: one more than are shown, to know whether there are more.
    pub fn limit(&self) -> u64 {
        self.size + 1
    }

    /// The place after which the page begins, in a list by time and id.
    pub fn place(&self) -> Result<Option<(i64, Uuid)>> {
        self.last.as_deref().map(convert::parse_place).transpose()
    }

    /// The same in a list by id.
    pub fn id(&self) -> Result<Option<Uuid>> {
        let parse = |text: &str| Uuid::try_parse(text);
        let id = self.last.as_deref().map(parse).transpose();
        id.map_err(|_| ServiceError::internal("a page token holds no id"))
    }

    /// The same in a list by number.
    pub fn number(&self) -> Result<Option<i32>> {
        let number = self.last.as_deref().map(str::parse).transpose();
        number.map_err(|_| ServiceError::internal("a page token holds no number"))
    }

    /// Cuts what was read to the page; answers the token of the next one, empty at the end.
    /// `place` prints where a row stands in the list.
    pub fn cut<T>(&self, app: &App, found: &mut Vec<T>, place: impl Fn(&T) -> String) -> String {
        let more = found.len() as u64 > self.size;
        found.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        let last = found.last().filter(|_| more);
        last.map(|row| app.pages.encode(&self.key, &place(row))).unwrap_or_default()
    }
}
