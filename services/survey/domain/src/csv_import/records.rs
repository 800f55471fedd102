//! Rows of purchases and interactions.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use uuid::Uuid;

use super::{Columns, Field, Known, Row, RowError, customers::find};
use crate::attribute;

/// A row of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PurchaseRow {
    /// Id that the sender gives.
    pub item_id: String,
    /// Number of the customer in the sender's system.
    pub external_id: String,
    /// When.
    pub time_us: i64,
    /// Amount in hundredths.
    pub cents: i64,
    /// Product or empty.
    pub product: String,
    /// Competitor with whom it was made.
    pub competitor: Option<Uuid>,
}

impl PurchaseRow {
    /// Reads a row.
    ///
    /// # Errors
    /// The first cell that is wrong or missing.
    pub fn read(columns: &Columns, row: &Row, known: &Known) -> Result<Self, RowError> {
        let mut made = Self::default();
        let mut given = Vec::new();
        for (at, field, cell) in columns.cells(row) {
            let Field::Own(name) = field else { continue };
            made.take(name, cell, known).map_err(|text| columns.error(row, at, text))?;
            given.push(*name);
        }
        required(columns, row, &given, &["item_id", "external_id", "time", "amount"])?;
        Ok(made)
    }

    fn take(&mut self, name: &str, cell: &str, known: &Known) -> Result<(), String> {
        match name {
            "item_id" => self.item_id = short(cell)?,
            "external_id" => self.external_id = short(cell)?,
            "time" => self.time_us = time(cell, &known.time_zone)?,
            "amount" => self.cents = cents(cell)?,
            "product" => self.product = short(cell)?,
            "competitor" => self.competitor = Some(find(&known.competitors, cell, "competitor")?),
            _ => {}
        }
        Ok(())
    }
}

/// A row of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InteractionRow {
    /// Id that the sender gives.
    pub item_id: String,
    /// Number of the customer in the sender's system.
    pub external_id: String,
    /// Number of the kind in the contract.
    pub kind: i32,
    /// When.
    pub time_us: i64,
    /// When it ends.
    pub end_us: Option<i64>,
    /// Number of the order or contract.
    pub reference: String,
    /// Remark.
    pub note: String,
    /// Whether a complaint is settled.
    pub resolved: bool,
    /// Node of the organisation's own process, or empty.
    pub node: String,
}

/// Names of the kinds, in the order of their numbers from 1.
const KINDS: [&str; 6] = ["order", "contract", "delivery", "service_visit", "complaint", "contact"];

impl InteractionRow {
    /// Reads a row.
    ///
    /// # Errors
    /// The first cell that is wrong or missing.
    pub fn read(columns: &Columns, row: &Row, known: &Known) -> Result<Self, RowError> {
        let mut made = Self::default();
        let mut given = Vec::new();
        for (at, field, cell) in columns.cells(row) {
            let Field::Own(name) = field else { continue };
            made.take(name, cell, known).map_err(|text| columns.error(row, at, text))?;
            given.push(*name);
        }
        required(columns, row, &given, &["item_id", "external_id", "kind", "time"])?;
        Ok(made)
    }

    fn take(&mut self, name: &str, cell: &str, known: &Known) -> Result<(), String> {
        match name {
            "item_id" => self.item_id = short(cell)?,
            "external_id" => self.external_id = short(cell)?,
            "kind" => {
                let name = cell.to_lowercase();
                let place = KINDS.iter().position(|kind| *kind == name);
                let place = place.ok_or_else(|| format!("is none of {}", KINDS.join(", ")))?;
                self.kind = i32::try_from(place + 1).unwrap_or_default();
            }
            "time" => self.time_us = time(cell, &known.time_zone)?,
            "end_time" => self.end_us = Some(time(cell, &known.time_zone)?),
            "reference" => self.reference = short(cell)?,
            "note" if cell.chars().count() > 2_000 => {
                return Err("is longer than 2000 characters".to_owned());
            }
            "note" => self.note = cell.to_owned(),
            "resolved" => self.resolved = attribute::boolean(cell)?,
            "node" if cell.chars().count() > 64 => {
                return Err("is longer than 64 characters".to_owned());
            }
            "node" => self.node = cell.to_owned(),
            _ => {}
        }
        Ok(())
    }
}

fn required(columns: &Columns, row: &Row, given: &[&str], names: &[&str]) -> Result<(), RowError> {
    match names.iter().find(|name| !given.contains(name)) {
        Some(missing) => Err(columns.error_of(row.line, missing, "is required")),
        None => Ok(()),
    }
}

fn short(cell: &str) -> Result<String, String> {
    if cell.chars().count() > 100 {
        return Err("is longer than 100 characters".to_owned());
    }
    Ok(cell.to_owned())
}

/// An amount such as `12`, `12.5` or `12.50`, in hundredths, 0 to 10^15.
///
/// # Errors
/// What is wrong, as a sentence.
pub fn cents(text: &str) -> Result<i64, String> {
    let wrong = || "is no amount with at most two decimals".to_owned();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 13 || part.len() > 2 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let part: i64 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    Ok(whole * 100 + part)
}

/// A time: RFC 3339, or a date with or without a time of day in the time zone.
fn time(text: &str, zone: &TimeZone) -> Result<i64, String> {
    let wrong = || "is no time such as 2026-01-31 or 2026-01-31 08:30".to_owned();
    let stamp = if let Ok(stamp) = text.parse::<Timestamp>() {
        stamp
    } else {
        let (day, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
        let date = attribute::date(day)?;
        let clock: jiff::civil::Time = clock.trim().parse().map_err(|_| wrong())?;
        let civil = DateTime::from_parts(date, clock);
        zone.to_ambiguous_zoned(civil).compatible().map_err(|_| wrong())?.timestamp()
    };
    Ok(stamp.as_microsecond())
}
