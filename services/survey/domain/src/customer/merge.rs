//! What the customer that stays takes over from the one that is merged into it.

use super::{Customer, PURPOSES, Personal};

/// What came of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The customer that stays.
    pub customer: Customer,
    /// Its personal fields.
    pub personal: Personal,
    /// Fields that were taken over, by name.
    pub taken: Vec<String>,
}

/// Merges `other` into `stay`: what is known here wins, what is missing is taken from there;
/// counts are added, and the more careful wish to be left alone holds. Consent holds only where
/// both records have it: one of them may be a withdrawal.
pub fn merge(
    mut stay: Customer,
    mut personal: Personal,
    other: &Customer,
    theirs: &Personal,
) -> Merged {
    let mut taken = Vec::new();
    let mut fill = |name: &str, mine: &mut String, theirs: &String| {
        if mine.is_empty() && !theirs.is_empty() {
            mine.clone_from(theirs);
            taken.push(name.to_owned());
        }
    };
    fill("display_name", &mut personal.display_name, &theirs.display_name);
    fill("phone", &mut personal.phone, &theirs.phone);
    fill("email", &mut personal.email, &theirs.email);
    fill("address", &mut personal.address, &theirs.address);
    fill("birthday", &mut personal.birthday, &theirs.birthday);
    fill("external_id", &mut personal.external_id, &theirs.external_id);
    fill("note", &mut personal.note, &theirs.note);
    fill("language", &mut stay.language, &other.language);
    for (mine, theirs) in
        [(&mut stay.attributes, &other.attributes), (&mut personal.attributes, &theirs.attributes)]
    {
        for (code, value) in theirs {
            if !mine.contains_key(code) {
                mine.insert(code.clone(), value.clone());
                taken.push(format!("attributes.{code}"));
            }
        }
    }
    if stay.since.is_none() || other.since.is_some_and(|date| Some(date) < stay.since) {
        if other.since != stay.since {
            taken.push("since".to_owned());
        }
        stay.since = other.since;
    }
    if stay.competitor.is_none() && other.competitor.is_some() {
        stay.competitor = other.competitor;
        taken.push("competitor".to_owned());
    }
    for purpose in PURPOSES {
        let both = stay.consents.given(purpose) && other.consents.given(purpose);
        stay.consents = stay.consents.with(purpose, both);
    }
    stay.preferences.do_not_contact |= other.preferences.do_not_contact;
    stay.legal_hold |= other.legal_hold;
    stay.importance = stay.importance.max(other.importance);
    add_activity(&mut stay, other);
    Merged { customer: stay, personal, taken }
}

fn add_activity(stay: &mut Customer, other: &Customer) {
    let (mine, theirs) = (&mut stay.activity, &other.activity);
    mine.purchase_count += theirs.purchase_count;
    mine.purchase_cents = mine.purchase_cents.saturating_add(theirs.purchase_cents);
    mine.first_purchase_us = match (mine.first_purchase_us, theirs.first_purchase_us) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    mine.last_purchase_us = mine.last_purchase_us.max(theirs.last_purchase_us);
    mine.complaint_count += theirs.complaint_count;
    mine.last_contact_us = mine.last_contact_us.max(theirs.last_contact_us);
    mine.referral_count += theirs.referral_count;
}
