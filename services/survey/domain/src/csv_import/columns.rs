//! Which column of a file is which field.

use super::{Fault, Row, RowError};
use crate::attribute::Attribute;

/// What a file holds. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Customers.
    Customers = 1,
    /// Purchases.
    Purchases = 2,
    /// Interactions.
    Interactions = 3,
}

impl FileKind {
    /// The kind with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Customers, Self::Purchases, Self::Interactions]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }

    /// Names of its fields.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &[
                "external_id",
                "display_name",
                "phone",
                "email",
                "address",
                "birthday",
                "note",
                "unit",
                "class",
                "competitor",
                "importance",
                "language",
                "since",
                "contact_every_days",
                "consent_survey",
                "consent_care",
                "consent_marketing",
                "do_not_contact",
            ],
            Self::Purchases => {
                &["item_id", "external_id", "time", "amount", "product", "competitor"]
            }
            Self::Interactions => &[
                "item_id",
                "external_id",
                "kind",
                "time",
                "end_time",
                "reference",
                "note",
                "resolved",
                "node",
            ],
        }
    }

    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Customers => &[],
            Self::Purchases => &["item_id", "external_id", "time", "amount"],
            Self::Interactions => &["item_id", "external_id", "kind", "time"],
        }
    }
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// A field of every object of the kind.
    Own(&'static str),
    /// An attribute by code.
    Attribute(String),
}

/// The columns of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    headers: Vec<String>,
    fields: Vec<Option<Field>>,
}

impl Columns {
    /// Finds the field of a name such as `phone` or `attr.size`.
    pub fn field(kind: FileKind, name: &str, attributes: &[Attribute]) -> Option<Field> {
        if let Some(known) = kind.fields().iter().find(|known| **known == name) {
            return Some(Field::Own(known));
        }
        let code = name.strip_prefix("attr.").filter(|_| kind == FileKind::Customers)?;
        let known = attributes.iter().any(|a| a.code == code && a.retire_us.is_none());
        known.then(|| Field::Attribute(code.to_owned()))
    }

    /// Matches a header with a mapping of headers to names of fields; without a mapping columns
    /// are named as the fields and others are left out.
    ///
    /// # Errors
    /// When a mapped column or a required field is missing, a field stands in two columns, or a
    /// name is no field.
    pub fn resolve(
        kind: FileKind,
        header: &Row,
        mapping: &[(String, String)],
        attributes: &[Attribute],
    ) -> Result<Self, Fault> {
        let fault = |text: String| Fault { line: header.line, column: 1, text };
        let headers: Vec<String> = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
        let mut fields: Vec<Option<Field>> = vec![None; headers.len()];
        if mapping.is_empty() {
            for (field, name) in fields.iter_mut().zip(&headers) {
                *field = Self::field(kind, name, attributes);
            }
        }
        for (place, (name, target)) in mapping.iter().enumerate() {
            let number = place + 1;
            let at = headers
                .iter()
                .position(|known| known == name.trim())
                .ok_or_else(|| fault(format!("the header lacks the column of mapping {number}")))?;
            if target.is_empty() {
                continue;
            }
            let field = Self::field(kind, target, attributes)
                .ok_or_else(|| fault(format!("the field of mapping {number} does not exist")))?;
            if fields[at].replace(field).is_some() {
                return Err(fault(format!("mapping {number} names a column again")));
            }
        }
        for (at, field) in fields.iter().enumerate() {
            if field.is_some() && fields[..at].contains(field) {
                return Err(fault(format!("column {} holds a field again", at + 1)));
            }
        }
        for name in kind.required() {
            if !fields.contains(&Some(Field::Own(name))) {
                return Err(fault(format!("there is no column for `{name}`")));
            }
        }
        if fields.iter().all(Option::is_none) {
            return Err(fault("no column is known; give a mapping".to_owned()));
        }
        Ok(Self { headers, fields })
    }

    /// The known fields of a row that are not empty, with the place of the column from 0.
    pub fn cells<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (usize, &'a Field, &'a str)> {
        self.fields.iter().zip(&row.cells).enumerate().filter_map(|(at, (field, cell))| {
            let cell = cell.trim();
            let field = field.as_ref()?;
            (!cell.is_empty()).then_some((at, field, cell))
        })
    }

    /// An error in a column, counted from 0.
    pub fn error(&self, row: &Row, at: usize, text: impl Into<String>) -> RowError {
        RowError {
            line: row.line,
            column: at + 1,
            header: self.headers.get(at).cloned().unwrap_or_default(),
            text: text.into(),
        }
    }

    /// An error of a field, wherever its column is.
    pub fn error_of(&self, line: u64, name: &str, text: impl Into<String>) -> RowError {
        let wanted = |field: &Option<Field>| matches!(field, Some(Field::Own(own)) if *own == name);
        let at = self.fields.iter().position(wanted);
        RowError {
            line,
            column: at.map_or(0, |at| at + 1),
            header: at.and_then(|at| self.headers.get(at).cloned()).unwrap_or_default(),
            text: text.into(),
        }
    }
}
