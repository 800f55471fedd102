//! From the contract's messages to what the writer takes, and back.

use device_domain::{
    rating::{ItemGrade, MONOTONIC_MS_MAX, Press},
    receipt::{import_position, receipt},
};
use proto::{
    device::v1::{self, ImportedRating, RatingMessage},
    names, time,
    validate::{Validate, violations},
};
use uuid::Uuid;

use super::batch::{Item, Refusal, SentClock, Vouched};

/// Kind of content hash of an import.
const IMPORT: u8 = 1;

/// Checks a message of `device`.
pub fn item(device: Uuid, message: RatingMessage) -> Result<Item, Refusal> {
    sound(&message, "")?;
    let press = press(message, "")?;
    positive("epoch", press.epoch)?;
    positive("sequence", press.sequence)?;
    Ok(Item {
        device,
        receipt: receipt(device, press.rating_id),
        content_hash: press.content_hash(),
        press,
        vouched: None,
    })
}

/// Checks an imported message. Unit and staff are checked by the caller, which gives their
/// ids; the import's device too.
pub fn import(
    device: Uuid,
    imported: ImportedRating,
    mut vouched: Vouched,
) -> Result<Item, Refusal> {
    let message = imported.message.unwrap_or_default();
    let mut press = press(message, "message.")?;
    let receipt = receipt(device, press.rating_id);
    (press.epoch, press.sequence) = import_position(receipt);
    press.encounter = None;
    let press_us = time::to_us_opt(imported.press_time.as_ref())
        .ok_or_else(|| Refusal::invalid("pressTime", "is required"))?;
    vouched.press = Some((press_us, None, false));
    vouched.business_type = imported.business_type;
    let mut hash = press.hash(IMPORT);
    hash.id(vouched.window)
        .id(vouched.window.is_none().then_some(vouched.site).flatten())
        .id(vouched.staff)
        .text(&vouched.business_type)
        .number(press_us);
    let content_hash = hash.finish();
    let vouched = Some(Box::new(vouched));
    Ok(Item { device, receipt, content_hash, press, vouched })
}

/// The first broken rule of a message.
pub fn sound(message: &impl Validate, prefix: &str) -> Result<(), Refusal> {
    match violations(message).into_iter().next() {
        None => Ok(()),
        Some(broken) => {
            Err(Refusal::invalid(format!("{prefix}{}", broken.field), broken.description))
        }
    }
}

fn press(message: RatingMessage, prefix: &str) -> Result<Press, Refusal> {
    let field = |name: &str| format!("{prefix}{name}");
    let rating_id = Uuid::try_parse(&message.rating_id).ok().filter(|id| !id.is_nil());
    let rating_id = rating_id.ok_or_else(|| Refusal::invalid(field("ratingId"), "is no UUID"))?;
    if !(0..=MONOTONIC_MS_MAX).contains(&message.monotonic_ms) {
        return Err(Refusal::invalid(field("monotonicMs"), "is negative or impossibly long"));
    }
    if message.response_ms < 0 {
        return Err(Refusal::invalid(field("responseMs"), "is negative"));
    }
    let items = message.item_grades.into_iter();
    Ok(Press {
        rating_id,
        epoch: message.epoch,
        sequence: message.sequence,
        template: names::parse("templates", &message.template),
        grade: message.grade,
        item_grades: items.map(|i| ItemGrade { item: i.item, grade: i.grade }).collect(),
        reasons: message.reasons,
        comment: message.comment,
        encounter: names::parse("encounters", &message.encounter),
        device_us: time::to_us_opt(message.device_time.as_ref()),
        monotonic_ms: message.monotonic_ms,
        boot_id: message.boot_id,
        response_ms: message.response_ms,
    })
}

fn positive(field: &str, value: i64) -> Result<(), Refusal> {
    if value >= 1 { Ok(()) } else { Err(Refusal::invalid(field, "is less than 1")) }
}

/// The sender's clock at sending.
pub fn clock(clock: v1::SendClock) -> SentClock {
    SentClock {
        device_us: time::to_us_opt(clock.device_time.as_ref()),
        monotonic_ms: clock.monotonic_ms,
        boot_id: clock.boot_id,
    }
}

/// The message as it came, for keeping it in quarantine.
pub fn message(device: Uuid, press: &Press) -> RatingMessage {
    let grade = |i: &ItemGrade| v1::ItemGrade { item: i.item.clone(), grade: i.grade };
    RatingMessage {
        rating_id: press.rating_id.to_string(),
        device: names::print("devices", device),
        epoch: press.epoch,
        sequence: press.sequence,
        template: names::print_opt("templates", press.template),
        grade: press.grade,
        item_grades: press.item_grades.iter().map(grade).collect(),
        reasons: press.reasons.clone(),
        comment: press.comment.clone(),
        encounter: names::print_opt("encounters", press.encounter),
        device_time: time::from_us_opt(press.device_us),
        monotonic_ms: press.monotonic_ms,
        boot_id: press.boot_id.clone(),
        response_ms: press.response_ms,
        staff: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> RatingMessage {
        RatingMessage {
            rating_id: Uuid::now_v7().to_string(),
            epoch: 1,
            sequence: 1,
            grade: 5,
            ..Default::default()
        }
    }

    #[test]
    fn bad_messages_name_their_field() {
        let check = |change: fn(&mut RatingMessage), field: &str| {
            let mut message = good();
            change(&mut message);
            let refused = item(Uuid::from_u128(1), message).unwrap_err();
            assert_eq!((refused.field.as_str(), refused.retryable), (field, false));
        };
        check(|m| m.rating_id.clear(), "ratingId");
        check(|m| m.rating_id = Uuid::nil().to_string(), "ratingId");
        check(|m| m.rating_id = "x".repeat(1_024), "ratingId");
        check(|m| m.epoch = 0, "epoch");
        check(|m| m.sequence = -1, "sequence");
        check(|m| m.comment = "字".repeat(2_001), "comment");
        check(|m| m.comment = "a\0b".into(), "comment");
        check(|m| m.template = "templates/none".into(), "template");
        check(
            |m| m.device_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
            "deviceTime",
        );
        check(
            |m| m.device_time = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
            "deviceTime",
        );
        check(|m| m.monotonic_ms = -1, "monotonicMs");
        check(|m| m.response_ms = -1, "responseMs");
    }

    #[test]
    fn a_message_from_quarantine_is_the_one_that_came() {
        let mut message = good();
        message.comment = "\u{202e}好".into();
        message.reasons = vec!["slow".into()];
        message.item_grades = vec![v1::ItemGrade { item: "speed".into(), grade: 2 }];
        message.device_time = Some(time::from_us(1_795_000_000_000_000));
        let device = Uuid::from_u128(7);
        let first = item(device, message.clone()).unwrap();
        let again = item(device, super::message(device, &first.press)).unwrap();
        assert_eq!(first.press, again.press);
        assert_eq!((first.receipt, first.content_hash), (again.receipt, again.content_hash));
    }
}
