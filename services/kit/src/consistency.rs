//! Reading one's own writes across services. A change answers with a token that says where it
//! stands in its service's feed; a later call that carries the token waits until its service
//! has taken that in.
//!
//! A token is a list of marks with commas: a plain position of auth's feed, or `device:` or
//! `survey:` and a position of that service's feed.

use std::{
    cell::RefCell,
    future::Future,
    time::{Duration, Instant},
};

use proto::common::v1::Reason;
use tonic::Code;

use crate::{
    db::Db,
    error::{Result, ServiceError},
    feed::{Inbox, compare_positions},
};

/// Header that carries the token, both ways.
pub const HEADER: &str = "manyi-consistency-token";
/// Most marks of one token.
const MARKS_MAX: usize = 8;
/// How often the cursor is looked at.
const POLL: Duration = Duration::from_millis(10);

tokio::task_local! {
    static WRITTEN: RefCell<Option<String>>;
}

/// Notes that the present call wrote to the feed of `service`. Without effect outside of a
/// call.
pub fn note(service: &str, position: &str) {
    let mark = format!("{service}:{position}");
    let _ = WRITTEN.try_with(|written| written.replace(Some(mark)));
}

/// Runs a call; its answer, and the mark of what it wrote last.
pub async fn scope<F: Future>(call: F) -> (F::Output, Option<String>) {
    WRITTEN
        .scope(RefCell::new(None), async {
            let output = call.await;
            (output, WRITTEN.with(RefCell::take))
        })
        .await
}

/// A token, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Token<'a> {
    marks: Vec<(&'a str, &'a str)>,
}

impl<'a> Token<'a> {
    /// Reads a token.
    ///
    /// # Errors
    /// BAD_TOKEN when it is none.
    pub fn parse(text: &'a str) -> Result<Self> {
        let marks: Vec<(&str, &str)> = text
            .split(',')
            .map(|mark| mark.trim().split_once(':').unwrap_or(("auth", mark.trim())))
            .collect();
        let known = |name: &str| matches!(name, "auth" | "device" | "survey");
        if marks.len() > MARKS_MAX || marks.iter().any(|(name, _)| !known(name)) {
            let text = "the consistency token is none of this installation";
            return Err(ServiceError::new(Code::InvalidArgument, Reason::BadToken, text));
        }
        for (_, position) in &marks {
            compare_positions(position, "")?;
        }
        Ok(Self { marks })
    }

    /// Positions in the feed of `service`.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &'a str> {
        let positions = self.marks.iter().filter(move |(name, _)| *name == service);
        positions.map(|(_, position)| *position).collect::<Vec<_>>().into_iter()
    }
}

/// A feed that this service follows, by what it has stored of it.
#[derive(Clone)]
pub struct Followed {
    /// Name of the service that writes the feed, which is the name it is followed by.
    pub service: &'static str,
    /// Database of the reader.
    pub db: Db,
}

impl Followed {
    /// Waits until `position` is taken in.
    ///
    /// # Errors
    /// UNAVAILABLE when that takes longer than `limit`.
    pub async fn reach(&self, position: &str, limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            let cursor = Inbox::cursor(self.db.read(), self.service).await?;
            if compare_positions(&cursor, position)?.is_ge() {
                return Ok(());
            }
            if began.elapsed() >= limit {
                return Err(ServiceError::unavailable("the change has not arrived here yet"));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_learns_where_it_wrote() {
        let (answer, mark) = scope(async {
            note("device", "0.1");
            note("device", "0.2");
            7
        })
        .await;
        assert_eq!((answer, mark.as_deref()), (7, Some("device:0.2")));
        assert_eq!(scope(async {}).await.1, None);
        // Outside of a call nobody wants to know.
        note("device", "0.3");
    }

    #[test]
    fn tokens_of_several_services_are_read() {
        let token = Token::parse("1f.2, device:0.10,survey:0.3").unwrap();
        assert_eq!(token.of("auth").collect::<Vec<_>>(), ["1f.2"]);
        assert_eq!(token.of("device").collect::<Vec<_>>(), ["0.10"]);
        assert_eq!(token.of("analytics").count(), 0);
        for bad in ["x", "device:x", "gateway:0.1", "device:1", &"0.1,".repeat(9)] {
            assert_eq!(Token::parse(bad).unwrap_err().reason(), Reason::BadToken, "{bad}");
        }
    }
}
