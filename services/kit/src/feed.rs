//! The ordered feed of what a service committed, and how another service follows it without
//! losing or doubling anything.

use std::cmp::Ordering;

use proto::common::v1::Reason;
use tonic::Code;

use crate::error::{Result, ServiceError};

mod answer;
mod follow;
mod inbox;
mod moment;
mod outbox;
mod packed;

pub use answer::EventStream;
pub use follow::{AuthFeed, Consumer, DeviceFeed, FeedSource, SurveyFeed, catch_up, follow};
pub use inbox::Inbox;
pub use outbox::Outbox;

/// Most groups of one page.
pub const GROUPS_MAX: usize = 500;

/// Place in a feed. On PostgreSQL the transaction id comes first, since ids are given before
/// commit and alone would let a reader pass a slower transaction by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position {
    xid: i64,
    id: i64,
}

impl Position {
    /// Before the first group.
    const START: Self = Self { xid: -1, id: -1 };

    fn print(self) -> String {
        format!("{:x}.{:x}", self.xid.max(0), self.id.max(0))
    }

    fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::START);
        }
        let parsed = text.split_once('.').and_then(|(xid, id)| {
            let number = |hex: &str| {
                let plain = hex.len() <= 16 && hex.bytes().all(|b| b.is_ascii_hexdigit());
                plain.then(|| i64::from_str_radix(hex, 16).ok()).flatten()
            };
            Some(Self { xid: number(xid)?, id: number(id)? })
        });
        parsed.ok_or_else(|| {
            let text = "the position is not one of this feed";
            ServiceError::new(Code::InvalidArgument, Reason::BadToken, text)
        })
    }
}

/// Which of two positions of the same feed comes first. Empty comes before all.
pub fn compare_positions(a: &str, b: &str) -> Result<Ordering> {
    Ok(Position::parse(a)?.cmp(&Position::parse(b)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_print_and_compare_as_they_are_ordered() {
        let positions = [
            Position { xid: 0, id: 1 },
            Position { xid: 0, id: 255 },
            Position { xid: 9, id: 3 },
            Position { xid: 16, id: 1 },
        ];
        for pair in positions.windows(2) {
            let (a, b) = (pair[0].print(), pair[1].print());
            assert_eq!(compare_positions(&a, &b).unwrap(), Ordering::Less);
            assert_eq!(Position::parse(&a).unwrap(), pair[0]);
        }
        assert_eq!(compare_positions("", "0.0").unwrap(), Ordering::Less);
        for bad in ["1", "x.y", "1.2.3", "-1.2", "11111111111111111.1"] {
            assert!(Position::parse(bad).is_err(), "{bad}");
        }
    }
}
