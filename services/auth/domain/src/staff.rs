//! People who serve at windows.

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    text,
};

/// Staff that one organisation may have, those who left included.
pub const STAFF_MAX: u64 = 200_000;

/// A staff member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Id.
    pub id: Uuid,
    /// Staff number (工号), unique in the organisation.
    pub number: String,
    /// Display name.
    pub display_name: String,
    /// Home unit.
    pub unit: Uuid,
    /// User account of the same person.
    pub user: Option<Uuid>,
    /// When the person left, in microseconds since 1970 UTC.
    pub retire_us: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    /// When it was created, in microseconds since 1970 UTC.
    pub create_us: i64,
}

/// A staff number without outer blanks.
pub fn number(field: &str, given: &str) -> Result<String> {
    let number = text::plain(field, given)?;
    if number.is_empty() {
        return Err(Error::invalid(field, "is required"));
    }
    Ok(number)
}
