//! Ratings and quarantined presses as the contract shows them.

use device_domain::{
    rating::ItemGrade,
    rating_stored::{Quarantined, Rating},
};
use kit::error::{Result, ServiceError, reason_name};
use prost::Message as _;
use proto::{
    common::v1::Reason,
    device::v1::{self, RatingMessage, RatingResult},
    names, time,
};
use tonic::Code;
use uuid::Uuid;

use crate::ingest::batch::{Refusal, Verdict};

/// A stored rating; `score` is that of its grade on its template.
pub fn rating(rating: &Rating, score: f64) -> v1::Rating {
    // Imports have positions of their own that mean nothing to anybody.
    let position = |number: i64| number.max(0);
    let grade = |i: &ItemGrade| v1::ItemGrade { item: i.item.clone(), grade: i.grade };
    v1::Rating {
        name: names::print("ratings", rating.id),
        device: names::print("devices", rating.device),
        epoch: position(rating.epoch),
        sequence: position(rating.sequence),
        template: names::print("templates", rating.template),
        grade: rating.grade,
        item_grades: rating.item_grades.iter().map(grade).collect(),
        score_0_100: score,
        reasons: rating.reasons.clone(),
        comment: rating.comment.clone(),
        window: names::print_opt("units", rating.window),
        site: names::print("units", rating.site),
        staff: names::print_opt("staff", rating.staff),
        encounter: names::print_opt("encounters", rating.encounter),
        business_type: rating.business_type.clone(),
        channel: rating.channel as i32,
        press_time: Some(time::from_us(rating.press_us)),
        device_time: time::from_us_opt(rating.device_us),
        receive_time: Some(time::from_us(rating.receive_us)),
        clock_source: rating.clock_source as i32,
        clock_suspect: rating.clock_suspect,
        trust_marks: rating.marks.numbers(),
    }
}

/// A press in quarantine.
pub fn quarantined(held: &Quarantined) -> Result<v1::QuarantinedRating> {
    let message = RatingMessage::decode(held.message.as_slice())
        .map_err(|error| ServiceError::internal(format!("quarantined message: {error}")))?;
    Ok(v1::QuarantinedRating {
        name: names::print("quarantinedRatings", held.id),
        device: names::print("devices", held.device),
        cause: held.cause as i32,
        message: Some(message),
        press_time: Some(time::from_us(held.press_us)),
        receive_time: Some(time::from_us(held.receive_us)),
        unit: names::print("units", held.unit),
    })
}

/// The result of one message.
pub fn result(rating_id: String, receipt: Option<Uuid>, verdict: Verdict) -> RatingResult {
    let receipt = || names::print_opt("ratings", receipt);
    match verdict {
        Verdict::Stored { duplicate } => {
            RatingResult { rating_id, receipt: receipt(), duplicate, ..Default::default() }
        }
        Verdict::Quarantined(cause) => {
            let reason = match cause {
                device_domain::rating_stored::Cause::UnknownTemplate => Reason::UnknownTemplate,
                _ => Reason::Quarantined,
            };
            RatingResult {
                rating_id,
                code: Code::FailedPrecondition as i32,
                reason: reason_name(reason).to_owned(),
                message: format!("kept in quarantine: {}", cause.text()),
                receipt: receipt(),
                ..Default::default()
            }
        }
        Verdict::Refused(refusal) => refused(rating_id, refusal),
    }
}

/// The result of a message that was not stored.
pub fn refused(rating_id: String, refusal: Refusal) -> RatingResult {
    RatingResult {
        rating_id,
        code: refusal.code as i32,
        reason: reason_name(refusal.reason).to_owned(),
        message: refusal.text,
        field: refusal.field,
        retryable: refusal.retryable,
        ..Default::default()
    }
}
