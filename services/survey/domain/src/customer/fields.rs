//! Checks of a customer's fields.

use super::{CONTACT_DAYS_MAX, Customer, IMPORTANCE_MAX, Personal, Preferences, birthday};
use crate::{
    duplicate,
    error::{Error, Result},
};

const CHANNEL_MAX: i32 = 6;

/// Checks a customer and brings birthday and spaces into their canonical form.
///
/// # Errors
/// The first field that is wrong.
pub fn check(customer: &Customer, personal: &mut Personal) -> Result<()> {
    for text in [
        &mut personal.display_name,
        &mut personal.phone,
        &mut personal.email,
        &mut personal.external_id,
    ] {
        let trimmed = text.trim();
        if trimmed.len() != text.len() {
            *text = trimmed.to_owned();
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid("displayName", "holds control characters"));
        }
    }
    let nothing = [&personal.display_name, &personal.phone, &personal.email, &personal.external_id];
    if nothing.into_iter().all(String::is_empty) {
        let text = "is required where there is neither phone, email nor external id";
        return Err(Error::invalid("displayName", text));
    }
    if !personal.phone.is_empty() && duplicate::phone(&personal.phone).is_none() {
        return Err(Error::invalid("phone", "is no telephone number"));
    }
    if !personal.email.is_empty() && duplicate::email(&personal.email).is_none() {
        return Err(Error::invalid("email", "is no e-mail address"));
    }
    personal.birthday =
        birthday(&personal.birthday).map_err(|text| Error::invalid("birthday", text))?;
    if !(0.0..=IMPORTANCE_MAX).contains(&customer.importance) {
        return Err(Error::invalid("importance", "is not between 0 and 1000"));
    }
    if !(0..=CONTACT_DAYS_MAX).contains(&customer.contact_every_days) {
        return Err(Error::invalid("contactEveryDays", "is not between 0 and 3650"));
    }
    if !customer.language.is_empty() && !customer.language.split('-').all(is_tag_part) {
        return Err(Error::invalid("language", "is no language tag"));
    }
    check_preferences(&customer.preferences)
}

fn is_tag_part(part: &str) -> bool {
    (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Checks contact preferences.
///
/// # Errors
/// The first field that is wrong.
pub fn check_preferences(preferences: &Preferences) -> Result<()> {
    if !(0..=23).contains(&preferences.from_hour) {
        return Err(Error::invalid("preferences.fromHour", "is not between 0 and 23"));
    }
    if !(0..=24).contains(&preferences.to_hour) {
        return Err(Error::invalid("preferences.toHour", "is not between 0 and 24"));
    }
    if preferences.to_hour != 0 && preferences.to_hour <= preferences.from_hour {
        return Err(Error::invalid("preferences.toHour", "is not after fromHour"));
    }
    if !(0..=CHANNEL_MAX).contains(&preferences.preferred) {
        return Err(Error::invalid("preferences.preferred", "is no channel"));
    }
    if preferences.blocked.iter().any(|channel| !(1..=CHANNEL_MAX).contains(channel)) {
        return Err(Error::invalid("preferences.blocked", "holds no channel"));
    }
    if preferences.preferred != 0 && preferences.blocked.contains(&preferences.preferred) {
        return Err(Error::invalid("preferences.blocked", "holds the preferred channel"));
    }
    Ok(())
}
