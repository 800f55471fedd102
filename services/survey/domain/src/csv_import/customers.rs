//! Rows of customers.

use std::collections::{BTreeMap, HashMap};

use jiff::{civil::Date, tz::TimeZone};
use uuid::Uuid;

use super::{Columns, Field, Row, RowError};
use crate::{
    attribute::{self, Attribute},
    customer::{self, Customer, Personal, Purpose},
};

/// What rows are read against.
#[derive(Debug, Clone)]
pub struct Known {
    /// Units that rows may name, by code.
    pub units: HashMap<String, Uuid>,
    /// Classes in use by code.
    pub classes: HashMap<String, Uuid>,
    /// Competitors in use by display name.
    pub competitors: HashMap<String, Uuid>,
    /// Attributes of the organisation.
    pub attributes: Vec<Attribute>,
    /// Time zone of times without one.
    pub time_zone: TimeZone,
}

/// What a row says of a customer; what it leaves empty stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CustomerRow {
    /// Line where it begins.
    pub line: u64,
    /// Unit.
    pub unit: Option<Uuid>,
    /// Class.
    pub class: Option<Uuid>,
    /// Competitor.
    pub competitor: Option<Uuid>,
    /// Importance.
    pub importance: Option<f64>,
    /// Language tag.
    pub language: Option<String>,
    /// Customer since.
    pub since: Option<Date>,
    /// Days between contacts.
    pub contact_every_days: Option<i32>,
    /// Consents.
    pub consents: Vec<(Purpose, bool)>,
    /// Wants no contact.
    pub do_not_contact: Option<bool>,
    /// Personal fields that are given, and personal attributes.
    pub personal: Personal,
    /// Plain attributes.
    pub attributes: BTreeMap<String, String>,
}

impl CustomerRow {
    /// Reads a row.
    ///
    /// # Errors
    /// The first cell that is wrong.
    pub fn read(columns: &Columns, row: &Row, known: &Known) -> Result<Self, RowError> {
        let mut made = Self { line: row.line, ..Self::default() };
        for (at, field, cell) in columns.cells(row) {
            let taken = match field {
                Field::Own(name) => made.take(name, cell, known),
                Field::Attribute(code) => made.take_attribute(code, cell, known),
            };
            taken.map_err(|text| columns.error(row, at, text))?;
        }
        Ok(made)
    }

    fn take(&mut self, name: &str, cell: &str, known: &Known) -> Result<(), String> {
        let personal = &mut self.personal;
        match name {
            "external_id" => personal.external_id = short(cell, 100)?,
            "display_name" => personal.display_name = short(cell, 200)?,
            "phone" => personal.phone = short(cell, 40)?,
            "email" => personal.email = short(cell, 254)?,
            "address" => personal.address = short(cell, 500)?,
            "note" => personal.note = short(cell, 2_000)?,
            "birthday" => personal.birthday = customer::birthday(cell)?,
            "unit" => self.unit = Some(find(&known.units, cell, "unit")?),
            "class" => self.class = Some(find(&known.classes, cell, "class")?),
            "competitor" => self.competitor = Some(find(&known.competitors, cell, "competitor")?),
            "importance" => {
                self.importance = Some(cell.parse().map_err(|_| "is no number".to_owned())?);
            }
            "language" => self.language = Some(short(cell, 16)?),
            "since" => self.since = Some(attribute::date(cell)?),
            "contact_every_days" => {
                let days = cell.parse().map_err(|_| "is no whole number".to_owned())?;
                self.contact_every_days = Some(days);
            }
            "consent_survey" => self.consents.push((Purpose::Survey, attribute::boolean(cell)?)),
            "consent_care" => self.consents.push((Purpose::Care, attribute::boolean(cell)?)),
            "consent_marketing" => {
                self.consents.push((Purpose::Marketing, attribute::boolean(cell)?));
            }
            "do_not_contact" => self.do_not_contact = Some(attribute::boolean(cell)?),
            _ => {}
        }
        Ok(())
    }

    fn take_attribute(&mut self, code: &str, cell: &str, known: &Known) -> Result<(), String> {
        let Some(attribute) = known.attributes.iter().find(|a| a.code == *code) else {
            return Err("names an attribute that is not defined".to_owned());
        };
        let value = attribute.canonical(cell)?;
        let place = match attribute.personal {
            true => &mut self.personal.attributes,
            false => &mut self.attributes,
        };
        place.insert(code.to_owned(), value);
        Ok(())
    }

    /// Changes a customer as the row says.
    pub fn apply(&self, customer: &mut Customer, personal: &mut Personal) {
        let given = [
            (&mut personal.external_id, &self.personal.external_id),
            (&mut personal.display_name, &self.personal.display_name),
            (&mut personal.phone, &self.personal.phone),
            (&mut personal.email, &self.personal.email),
            (&mut personal.address, &self.personal.address),
            (&mut personal.note, &self.personal.note),
            (&mut personal.birthday, &self.personal.birthday),
        ];
        for (old, new) in given {
            if !new.is_empty() {
                old.clone_from(new);
            }
        }
        personal.attributes.extend(self.personal.attributes.clone());
        customer.attributes.extend(self.attributes.clone());
        customer.unit = self.unit.unwrap_or(customer.unit);
        customer.class = self.class.unwrap_or(customer.class);
        customer.competitor = self.competitor.or(customer.competitor);
        customer.importance = self.importance.unwrap_or(customer.importance);
        if let Some(language) = &self.language {
            customer.language.clone_from(language);
        }
        customer.since = self.since.or(customer.since);
        customer.contact_every_days =
            self.contact_every_days.unwrap_or(customer.contact_every_days);
        for (purpose, given) in &self.consents {
            customer.consents = customer.consents.with(*purpose, *given);
        }
        if let Some(wish) = self.do_not_contact {
            customer.preferences.do_not_contact = wish;
        }
    }
}

fn short(cell: &str, most: usize) -> Result<String, String> {
    if cell.chars().count() > most {
        return Err(format!("is longer than {most} characters"));
    }
    Ok(cell.to_owned())
}

pub(super) fn find(known: &HashMap<String, Uuid>, cell: &str, what: &str) -> Result<Uuid, String> {
    known.get(cell).copied().ok_or_else(|| format!("names no {what} that can be used here"))
}
