//! Fields of a customer as somebody gives them.

use kit::{
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    mask::Mask,
};
use proto::survey::v1;
use survey_domain::{
    attribute::{Attribute, check_values},
    customer::{self, Activity, Consents, Customer, Hashes, Personal, Preferences, Sealed, State},
};
use uuid::Uuid;

use super::convert::{date_opt, preferences_of};
use crate::{convert, state::App, store};

/// Fields that a change may name.
pub const CHANGEABLE: [&str; 19] = [
    "unit",
    "customer_class",
    "competitor",
    "display_name",
    "phone",
    "email",
    "address",
    "birthday",
    "external_id",
    "note",
    "attributes",
    "personal_attributes",
    "importance",
    "language",
    "since",
    "contact_every_days",
    "preferences",
    "etag",
    "name",
];

/// A customer with nothing known of it.
pub fn blank(app: &App, org: Uuid, unit: Uuid) -> Customer {
    let now_us = app.clock.now_us();
    Customer {
        id: new_id(app.clock.as_ref()),
        org,
        unit,
        class: customer::class_id(org, "external"),
        competitor: None,
        state: State::Active,
        merged_into: None,
        importance: 1.0,
        language: String::new(),
        since: None,
        contact_every_days: 0,
        attributes: Default::default(),
        preferences: Preferences::default(),
        consents: Consents::default(),
        activity: Activity::default(),
        legal_hold: false,
        sealed: Sealed::default(),
        hashes: Hashes::default(),
        version: 1,
        create_us: now_us,
        change_us: now_us,
    }
}

/// Takes over what is given of a customer; answers the names of the fields.
pub async fn take(
    app: &App,
    caller: &Caller,
    given: v1::Customer,
    mask: &Mask,
    customer: &mut Customer,
    personal: &mut Personal,
) -> Result<Vec<&'static str>> {
    let conn = app.db.read();
    let attributes = store::customer_schema::attributes(conn, caller.org).await?;
    take_references(app, caller, &given, mask, customer).await?;
    let mut changed = Vec::new();
    for (path, old, new) in [
        ("display_name", &mut personal.display_name, given.display_name),
        ("phone", &mut personal.phone, given.phone),
        ("email", &mut personal.email, given.email),
        ("address", &mut personal.address, given.address),
        ("birthday", &mut personal.birthday, given.birthday),
        ("external_id", &mut personal.external_id, given.external_id),
        ("note", &mut personal.note, given.note),
        ("language", &mut customer.language, given.language),
    ] {
        if mask.covers(path, !new.is_empty()) {
            *old = new;
            changed.push(path);
        }
    }
    if mask.covers("since", !given.since.is_empty()) {
        customer.since = date_opt("customer.since", &given.since)?;
        changed.push("since");
    }
    if mask.covers("importance", given.importance != 0.0) {
        customer.importance = given.importance;
        changed.push("importance");
    }
    if mask.covers("contact_every_days", given.contact_every_days != 0) {
        customer.contact_every_days = given.contact_every_days;
        changed.push("contact_every_days");
    }
    if let Some(preferences) =
        given.preferences.as_ref().filter(|_| mask.covers("preferences", true))
    {
        customer.preferences = preferences_of(preferences);
        changed.push("preferences");
    }
    if mask.covers("attributes", !given.attributes.is_empty()) {
        let values = given.attributes;
        take_values(&attributes, false, values, &mut customer.attributes)?;
        changed.push("attributes");
    }
    if mask.covers("personal_attributes", !given.personal_attributes.is_empty()) {
        let values = given.personal_attributes;
        take_values(&attributes, true, values, &mut personal.attributes)?;
        changed.push("personal_attributes");
    }
    customer::check(customer, personal).map_err(|wrong| convert::error(wrong, "customer."))?;
    Ok(changed)
}

type Values = std::collections::BTreeMap<String, String>;

fn take_values(
    defined: &[Attribute],
    personal: bool,
    given: Values,
    values: &mut Values,
) -> Result<()> {
    let field = if personal { "personalAttributes" } else { "attributes" };
    let checked = check_values(defined, field, personal, &given)
        .map_err(|wrong| convert::error(wrong, "customer."))?;
    for (code, value) in checked {
        match value {
            Some(value) => values.insert(code, value),
            None => values.remove(&code),
        };
    }
    Ok(())
}

/// Class and competitor must exist and be in use.
async fn take_references(
    app: &App,
    caller: &Caller,
    given: &v1::Customer,
    mask: &Mask,
    customer: &mut Customer,
) -> Result<()> {
    let conn = app.db.read();
    if mask.covers("customer_class", !given.customer_class.is_empty()) {
        let named =
            convert::id_opt("customerClasses", "customer.customerClass", &given.customer_class)?;
        let class = named.unwrap_or_else(|| customer::class_id(caller.org, "external"));
        let built_in = customer::Class::built_in(caller.org).any(|known| known.id == class);
        if !built_in && class != customer.class {
            let classes = store::customer_schema::classes(conn, caller.org).await?;
            if !classes.iter().any(|known| known.id == class && known.retire_us.is_none()) {
                return Err(ServiceError::invalid("customer.customerClass", "is not in use"));
            }
        }
        customer.class = class;
    }
    if mask.covers("competitor", !given.competitor.is_empty()) {
        let named = convert::id_opt("competitors", "customer.competitor", &given.competitor)?;
        if let Some(id) = named.filter(|id| Some(*id) != customer.competitor) {
            let found = store::customer_schema::competitors(conn, caller.org, Some(id), 1).await?;
            if found.first().is_none_or(|(known, _)| known.retire_us.is_some()) {
                return Err(ServiceError::invalid("customer.competitor", "is not in use"));
            }
        }
        customer.competitor = named;
    }
    Ok(())
}
