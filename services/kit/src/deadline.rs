//! Deadlines: read from `grpc-timeout`, enforced in one process as over the network, and handed
//! on to outgoing calls with what is left of them. Knows nothing of what a call does.

use std::{future::Future, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use proto::methods::Method;
use tokio::time::{Instant, error::Elapsed};

/// The header that carries the time a caller still gives.
pub const HEADER: HeaderName = HeaderName::from_static("grpc-timeout");

/// A reading of ratings has to end within this time (shed class 1).
const INGEST: Duration = Duration::from_secs(5);
/// Any other call has to end within this time.
const ORDINARY: Duration = Duration::from_secs(10);
/// Figures and lists have to end within this time (shed class 4 and above).
const READING: Duration = Duration::from_secs(15);

tokio::task_local! {
    static CURRENT: Instant;
}

/// A `grpc-timeout` that is no 1 to 8 digits with one of the units `H M S m u n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout is malformed")]
pub struct Malformed;

/// The timeout that the caller gave.
///
/// # Errors
/// [`Malformed`] when the header is there and cannot be read, or is there twice.
pub fn parse(headers: &HeaderMap) -> Result<Option<Duration>, Malformed> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Malformed);
    }
    let text = value.to_str().map_err(|_| Malformed)?;
    let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(Malformed)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Malformed);
    }
    let number: u64 = digits.parse().map_err(|_| Malformed)?;
    Ok(Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(Malformed),
    }))
}

/// The header value of a timeout, in the finest unit that fits into 8 digits.
pub fn format(timeout: Duration) -> HeaderValue {
    const DIGITS_END: u128 = 100_000_000;
    let text = if timeout.as_micros() < DIGITS_END {
        format!("{}u", timeout.as_micros())
    } else if timeout.as_millis() < DIGITS_END {
        format!("{}m", timeout.as_millis())
    } else {
        format!("{}S", timeout.as_secs().min(99_999_999))
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

/// The time within which a call of `method` has to end if the caller names none; `None` for
/// streams, which end when one side wants.
pub fn default_of(method: &Method) -> Option<Duration> {
    if method.descriptor.is_server_streaming() || method.descriptor.is_client_streaming() {
        return None;
    }
    Some(match method.rule.shed_class {
        1 => INGEST,
        4.. => READING,
        _ => ORDINARY,
    })
}

/// What is left of the present call's time; `None` outside of calls and in calls without end.
pub fn remaining() -> Option<Duration> {
    CURRENT.try_with(|at| at.saturating_duration_since(Instant::now())).ok()
}

/// Runs `work` as part of a call that has to end at `at`.
///
/// # Errors
/// [`Elapsed`] when it did not.
pub async fn within<F: Future>(at: Instant, work: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout_at(at, CURRENT.scope(at, work)).await
}

/// Writes what is left of the present call's time into the headers of an outgoing call, unless
/// they ask for less already.
pub fn hand_on(headers: &mut HeaderMap) {
    let Some(left) = remaining() else { return };
    if !matches!(parse(headers), Ok(Some(asked)) if asked <= left) {
        headers.insert(HEADER, format(left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_written_timeout_reads_the_same() {
        for timeout in [
            Duration::ZERO,
            Duration::from_micros(17),
            Duration::from_secs(99),
            Duration::from_secs(100_001),
            Duration::from_secs(90_000_000),
        ] {
            let map = HeaderMap::from_iter([(HEADER, format(timeout))]);
            assert_eq!(parse(&map), Ok(Some(timeout)));
        }
        assert_eq!(parse(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn malformed_timeouts_are_refused() {
        for bad in ["", "abc", "-1S", "123456789S", "5", "S", "5s", "5 S", "1.5S"] {
            assert_eq!(parse(&headers(bad)), Err(Malformed), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn outgoing_calls_get_what_is_left() {
        let mut out = HeaderMap::new();
        hand_on(&mut out);
        assert!(out.is_empty(), "nothing to hand on outside of calls");

        let at = Instant::now() + Duration::from_secs(2);
        within(at, async {
            let mut out = HeaderMap::new();
            hand_on(&mut out);
            let left = parse(&out).unwrap().unwrap();
            assert!(left <= Duration::from_secs(2) && left > Duration::from_secs(1));

            let mut shorter = headers("5m");
            hand_on(&mut shorter);
            assert_eq!(parse(&shorter), Ok(Some(Duration::from_millis(5))));

            let mut longer = headers("9H");
            hand_on(&mut longer);
            assert!(parse(&longer).unwrap().unwrap() <= Duration::from_secs(2));
        })
        .await
        .unwrap();
    }
}
