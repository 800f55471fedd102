//! Customers between the contract's messages and the domain's types.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1, time};
use survey_domain::{
    attribute::{self, Attribute, Choice, Type},
    customer::{Class, Customer, Personal, Preferences},
};

use super::access::sees_personal;
use crate::{convert::etag, state::App};

/// A customer as the caller may see it.
pub fn shown(app: &App, caller: &Caller, customer: &Customer) -> Result<v1::Customer> {
    if !sees_personal(caller, customer.unit) {
        return Ok(plain(customer));
    }
    let personal = app.vault.open(customer.id, &customer.sealed)?;
    Ok(with_personal(customer, personal))
}

/// A customer with its personal fields.
pub fn with_personal(customer: &Customer, personal: Personal) -> v1::Customer {
    v1::Customer {
        display_name: personal.display_name,
        phone: personal.phone,
        email: personal.email,
        address: personal.address,
        birthday: personal.birthday,
        external_id: personal.external_id,
        note: personal.note,
        personal_attributes: personal.attributes,
        personal_hidden: false,
        ..plain(customer)
    }
}

/// A customer without its personal fields.
pub fn plain(customer: &Customer) -> v1::Customer {
    let activity = &customer.activity;
    v1::Customer {
        name: names::print("customers", customer.id),
        unit: names::print("units", customer.unit),
        customer_class: names::print("customerClasses", customer.class),
        competitor: names::print_opt("competitors", customer.competitor),
        state: customer.state as i32,
        attributes: customer.attributes.clone(),
        importance: customer.importance,
        language: customer.language.clone(),
        since: customer.since.map(|date| date.to_string()).unwrap_or_default(),
        contact_every_days: customer.contact_every_days,
        preferences: Some(preferences_to(&customer.preferences)),
        consents: customer.consents.purposes().map(|purpose| purpose as i32).collect(),
        activity: Some(v1::CustomerActivity {
            purchase_count: activity.purchase_count,
            purchase_cents: activity.purchase_cents,
            first_purchase_time: time::from_us_opt(activity.first_purchase_us),
            last_purchase_time: time::from_us_opt(activity.last_purchase_us),
            complaint_count: activity.complaint_count,
            last_contact_time: time::from_us_opt(activity.last_contact_us),
            referral_count: activity.referral_count,
        }),
        legal_hold: customer.legal_hold,
        etag: etag(customer.version),
        create_time: Some(time::from_us(customer.create_us)),
        update_time: Some(time::from_us(customer.change_us)),
        personal_hidden: true,
        ..Default::default()
    }
}

fn preferences_to(preferences: &Preferences) -> v1::ContactPreferences {
    v1::ContactPreferences {
        do_not_contact: preferences.do_not_contact,
        preferred: preferences.preferred,
        blocked: preferences.blocked.clone(),
        from_hour: preferences.from_hour,
        to_hour: preferences.to_hour,
    }
}

/// Contact preferences that somebody gives.
pub fn preferences_of(given: &v1::ContactPreferences) -> Preferences {
    let mut blocked = given.blocked.clone();
    blocked.sort_unstable();
    blocked.dedup();
    Preferences {
        do_not_contact: given.do_not_contact,
        preferred: given.preferred,
        blocked,
        from_hour: given.from_hour,
        to_hour: given.to_hour,
    }
}

/// A date that may be left out.
pub fn date_opt(field: &str, text: &str) -> Result<Option<jiff::civil::Date>> {
    if text.is_empty() { Ok(None) } else { date(field, text).map(Some) }
}

/// A date that must be there.
pub fn date(field: &str, text: &str) -> Result<jiff::civil::Date> {
    attribute::date(text).map_err(|wrong| ServiceError::invalid(field, wrong))
}

/// An attribute as the contract shows it.
pub fn attribute_to(attribute: &Attribute) -> v1::CustomerAttribute {
    let choices = attribute.choices.iter().map(|choice| v1::AttributeChoice {
        code: choice.code.clone(),
        label: choice.label.clone(),
    });
    v1::CustomerAttribute {
        name: names::print("customerAttributes", attribute.id),
        code: attribute.code.clone(),
        label: attribute.label.clone(),
        value_type: attribute.kind as i32,
        choices: choices.collect(),
        personal: attribute.personal,
        create_time: Some(time::from_us(attribute.create_us)),
        retire_time: time::from_us_opt(attribute.retire_us),
    }
}

/// Type and choices of an attribute that somebody gives.
pub fn attribute_kind(given: &v1::CustomerAttribute) -> Result<(Type, Vec<Choice>)> {
    let kind = Type::from_number(given.value_type)
        .ok_or_else(|| ServiceError::invalid("attribute.valueType", "is required"))?;
    let choices = given
        .choices
        .iter()
        .map(|choice| Choice { code: choice.code.clone(), label: choice.label.clone() })
        .collect();
    Ok((kind, choices))
}

/// A class as the contract shows it.
pub fn class_to(class: &Class) -> v1::CustomerClass {
    v1::CustomerClass {
        name: names::print("customerClasses", class.id),
        code: class.code.clone(),
        label: class.label.clone(),
        weight: class.weight,
        built_in: class.is_built_in(),
        etag: etag(class.version),
        retire_time: time::from_us_opt(class.retire_us),
    }
}

/// That a class was created or changed, as an event.
pub fn class_event(class: &Class) -> v1::Event {
    let weight = v1::ClassWeight {
        customer_class: names::print("customerClasses", class.id),
        name: class.label.clone(),
        weight: class.weight,
    };
    v1::Event {
        organisation: names::print("organisations", class.org),
        change: Some(v1::event::Change::CustomerClass(weight)),
    }
}
