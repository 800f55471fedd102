//! Rating policies.

use std::collections::BTreeSet;

use device_domain::{Error, policy::Policy};
use jiff::civil::Date;
use kit::error::{Result, ServiceError};
use prost::Message as _;
use proto::device::v1;

use super::device::etag;

/// The policy as the contract shows it.
pub fn to_proto(policy: &Policy, version: i64) -> v1::RatingPolicy {
    v1::RatingPolicy {
        default_after_working_days: policy.default_after_working_days,
        burst_count: policy.burst_count,
        burst_window_ms: policy.burst_window_ms,
        fastest_response_ms: policy.fastest_response_ms,
        encounter_grace_min: policy.encounter_grace_min,
        shift_max_h: policy.shift_max_h,
        opening_grace_min: policy.opening_grace_min,
        holidays: policy.holidays.iter().map(Date::to_string).collect(),
        extra_working_days: policy.extra_working_days.iter().map(Date::to_string).collect(),
        etag: etag(version),
    }
}

/// The policy that somebody wants, with defaults in the place of zeros.
pub fn of_proto(message: &v1::RatingPolicy) -> std::result::Result<Policy, Error> {
    let policy = Policy {
        default_after_working_days: message.default_after_working_days,
        burst_count: message.burst_count,
        burst_window_ms: message.burst_window_ms,
        fastest_response_ms: message.fastest_response_ms,
        encounter_grace_min: message.encounter_grace_min,
        shift_max_h: message.shift_max_h,
        opening_grace_min: message.opening_grace_min,
        holidays: dates("holidays", &message.holidays)?,
        extra_working_days: dates("extraWorkingDays", &message.extra_working_days)?,
    };
    let policy = policy.with_defaults();
    policy.check()?;
    Ok(policy)
}

/// As it is stored.
pub fn to_body(policy: &Policy) -> Vec<u8> {
    v1::RatingPolicy { etag: String::new(), ..to_proto(policy, 0) }.encode_to_vec()
}

/// Reads [`to_body`].
pub fn of_body(body: &[u8]) -> Result<Policy> {
    let odd = |error: &dyn std::fmt::Display| ServiceError::internal(format!("policy: {error}"));
    let message = v1::RatingPolicy::decode(body).map_err(|error| odd(&error))?;
    of_proto(&message).map_err(|error| odd(&error))
}

fn dates(field: &str, texts: &[String]) -> std::result::Result<BTreeSet<Date>, Error> {
    let read = |(i, text): (usize, &String)| {
        // The parser takes more than the contract promises; one spelling is enough.
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text);
        date.ok_or_else(|| Error::invalid(format!("{field}[{i}]"), "is no date YYYY-MM-DD"))
    };
    texts.iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_policy_is_read_as_it_was() {
        let message = v1::RatingPolicy {
            default_after_working_days: 5,
            holidays: vec!["2026-10-01".into()],
            extra_working_days: vec!["2026-10-10".into()],
            ..Default::default()
        };
        let policy = of_proto(&message).unwrap();
        assert_eq!(policy.burst_count, 3);
        assert_eq!(of_body(&to_body(&policy)).unwrap(), policy);
    }

    #[test]
    fn only_plain_dates_are_dates() {
        for bad in ["", "2026-2-1", "20261001", "2026-10-01T00:00:00", "2026-02-30", "tomorrow"] {
            let holidays = vec![bad.to_owned()];
            let message = v1::RatingPolicy { holidays, ..Default::default() };
            assert!(of_proto(&message).is_err(), "{bad}");
        }
    }
}
