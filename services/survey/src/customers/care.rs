//! Reminders: computed from birthdays, anniversaries and contacts when they are asked for.

use std::collections::{HashMap, HashSet};

use jiff::{civil::Date, tz::TimeZone};
use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1, time};
use serde_json::json;
use survey_domain::{
    care::{self, DAYS_DEFAULT, DAYS_MAX, Kind},
    customer::{Customer, Purpose},
};
use uuid::Uuid;

use super::{
    access::customer_of,
    change::record,
    convert::{date, date_opt},
};
use crate::{convert, personal::HashKind, state::App, store, store::customer::Hashed};

/// Reminders of an answer.
const LIST_MAX: usize = 1_000;

/// One reminder: day, kind, customer, years.
type Found = (Date, Kind, Uuid, i32);

/// What is due in the coming days.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListRemindersRequest,
) -> Result<v1::ListRemindersResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let visible = caller.visible()?;
    let units = visible.narrowed(unit)?;
    let view = visible.view();
    let zone = match unit.or(view.root()) {
        Some(unit) => view.time_zone_of(unit),
        None => TimeZone::UTC,
    };
    let days = match request.days {
        0 => DAYS_DEFAULT,
        days if (1..=DAYS_MAX).contains(&days) => days,
        _ => return Err(ServiceError::invalid("days", "is not between 1 and 31")),
    };
    let from = match date_opt("from", &request.from)? {
        Some(from) => from,
        None => day_of(app.clock.now_us(), &zone),
    };
    let mut found = birthdays(app, caller.org, units.as_deref(), from, days).await?;
    found.extend(anniversaries(app, caller.org, units.as_deref(), from, days).await?);
    found.extend(contacts(app, caller.org, units.as_deref(), (from, days, &zone)).await?);
    found.sort_unstable();
    finish(app, caller.org, found, request.show_done).await
}

fn day_of(us: i64, zone: &TimeZone) -> Date {
    let stamp = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.to_zoned(zone.clone()).date()
}

/// Marks what was seen to and cuts the list.
async fn finish(
    app: &App,
    org: Uuid,
    found: Vec<Found>,
    show_done: bool,
) -> Result<v1::ListRemindersResponse> {
    let customers: HashSet<Uuid> = found.iter().map(|(_, _, customer, _)| *customer).collect();
    let customers: Vec<Uuid> = customers.into_iter().collect();
    let done = store::care::completed(app.db.read(), org, &customers).await?;
    let done: HashMap<(Uuid, i16, String), i64> =
        done.into_iter().map(|(customer, kind, day, us)| ((customer, kind, day), us)).collect();
    let mut reminders = Vec::new();
    for (day, kind, customer, years) in found {
        let key = (customer, kind as i16, day.to_string());
        // A contact that took place moves the next one; the day alone does not tell it done.
        let done_us = done.get(&key).copied().filter(|_| kind != Kind::Contact);
        if done_us.is_none() || show_done {
            reminders.push(reminder_to(customer, kind, &key.2, years, done_us));
        }
    }
    let more = reminders.len() > LIST_MAX;
    reminders.truncate(LIST_MAX);
    Ok(v1::ListRemindersResponse { reminders, more })
}

fn reminder_to(
    customer: Uuid,
    kind: Kind,
    day: &str,
    years: i32,
    done_us: Option<i64>,
) -> v1::Reminder {
    v1::Reminder {
        customer: names::print("customers", customer),
        kind: kind as i32,
        date: day.to_owned(),
        years,
        done_time: time::from_us_opt(done_us),
    }
}

fn may_hear(customer: &Customer) -> bool {
    customer.consents.given(Purpose::Care) || customer.consents.0 == 0
}

/// Whether a reminder may be shown: not for those who want no contact, nor for those who agreed
/// to something and not to care.
fn wanted(customer: &Customer) -> bool {
    !customer.preferences.do_not_contact && may_hear(customer)
}

/// Birthdays are found by the keyed hash of month and day.
async fn birthdays(
    app: &App,
    org: Uuid,
    units: Option<&[Uuid]>,
    from: Date,
    days: i32,
) -> Result<Vec<Found>> {
    let mut by_hash: HashMap<Vec<u8>, Date> = HashMap::new();
    for (day, kept) in care::days(from, days) {
        for (month, of_month) in kept {
            let text = format!("{month:02}-{of_month:02}");
            by_hash.insert(app.vault.hash(org, HashKind::BirthDay, text.as_bytes()), day);
        }
    }
    let hashes: Vec<Vec<u8>> = by_hash.keys().cloned().collect();
    let among: Option<HashSet<&Uuid>> = units.map(|units| units.iter().collect());
    // Reads more than is shown, since the units are looked at afterwards.
    let limit = LIST_MAX as u64 * 10;
    let found =
        store::customer::find_by_hash(app.db.read(), org, Hashed::BirthDay, &hashes, limit).await?;
    let shown = found.into_iter().filter(|customer| {
        let active = customer.state == survey_domain::customer::State::Active;
        active && wanted(customer) && among.as_ref().is_none_or(|u| u.contains(&customer.unit))
    });
    let with_day = shown.filter_map(|customer| {
        let day = by_hash.get(customer.hashes.birth_day.as_ref()?)?;
        Some((*day, Kind::Birthday, customer.id, 0))
    });
    Ok(with_day.collect())
}

async fn anniversaries(
    app: &App,
    org: Uuid,
    units: Option<&[Uuid]>,
    from: Date,
    days: i32,
) -> Result<Vec<Found>> {
    let mut by_day: HashMap<i16, Date> = HashMap::new();
    for (day, kept) in care::days(from, days) {
        for (month, of_month) in kept {
            by_day.insert(i16::from(month) * 100 + i16::from(of_month), day);
        }
    }
    let numbers: Vec<i16> = by_day.keys().copied().collect();
    let limit = LIST_MAX as u64 + 1;
    let found =
        store::customer::with_anniversary(app.db.read(), org, units, &numbers, limit).await?;
    let with_day = found.into_iter().filter(wanted).filter_map(|customer| {
        let day = by_day.get(&customer.anniversary()?)?;
        let years = care::years(customer.since?, *day)?;
        Some((*day, Kind::Anniversary, customer.id, years))
    });
    Ok(with_day.collect())
}

/// Contacts that were due earlier stand on the first day.
async fn contacts(
    app: &App,
    org: Uuid,
    units: Option<&[Uuid]>,
    (from, days, zone): (Date, i32, &TimeZone),
) -> Result<Vec<Found>> {
    let end = care::days(from, days).last().map_or(from, |(day, _)| *day);
    let end = end.tomorrow().unwrap_or(end);
    let end_us =
        end.to_zoned(zone.clone()).map_or(i64::MAX, |zoned| zoned.timestamp().as_microsecond());
    let limit = LIST_MAX as u64 + 1;
    let found = store::customer::with_contact_due(app.db.read(), org, units, end_us, limit).await?;
    let with_day = found.into_iter().filter(wanted).filter_map(|customer| {
        let day = day_of(customer.next_contact_us()?, zone).max(from);
        Some((day, Kind::Contact, customer.id, 0))
    });
    Ok(with_day.collect())
}

/// Notes that a reminder was seen to. A regular contact counts as a contact today.
pub async fn complete(
    app: &App,
    caller: &Caller,
    request: &v1::CompleteReminderRequest,
) -> Result<v1::Reminder> {
    let customer = customer_of(app, caller, "customer", &request.customer).await?;
    let kind = Kind::from_number(request.kind)
        .ok_or_else(|| ServiceError::invalid("kind", "is required"))?;
    let day = date("date", &request.date)?;
    let now_us = app.clock.now_us();
    let tx = app.db.begin().await?;
    let done = (customer.id, kind as i16, day.to_string(), now_us);
    store::care::complete(tx.conn(), caller.org, done).await?;
    if kind == Kind::Contact {
        let last_contact_us = Some(now_us);
        let delta = store::customer::Delta { last_contact_us, ..Default::default() };
        store::customer::add_activity(tx.conn(), caller.org, customer.id, &delta).await?;
    }
    let detail = json!({ "reminder": request.kind().as_str_name() });
    record(app, &tx, caller, &customer, detail).await?;
    let stored = store::care::completed(tx.conn(), caller.org, &[customer.id]).await?;
    tx.commit().await?;
    let same = |(_, known, text, _): &&store::care::Done| {
        *known == kind as i16 && *text == day.to_string()
    };
    let done_us = stored.iter().find(same).map_or(now_us, |(.., us)| *us);
    Ok(reminder_to(customer.id, kind, &day.to_string(), 0, Some(done_us)))
}
