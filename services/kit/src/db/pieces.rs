//! A whole table read in pieces of time, none of which takes long: however many rows there are,
//! no statement comes near its time limit, and whoever waits hears how far it has come.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{dialect_of, sql::Sql};
use crate::error::Result;

/// The first piece: an hour, in microseconds.
const FIRST_US: i64 = 3_600_000_000;
/// The longest: about two years, so that a row with a clock far off costs few pieces.
const LONGEST_US: i64 = FIRST_US << 14;
/// Pieces that took less are followed by one of twice the length.
const SHORT: Duration = Duration::from_millis(100);
/// Pieces that took more are followed by one of a quarter of the length.
const LONG: Duration = Duration::from_millis(400);

/// What is left of a table's time.
#[derive(Debug)]
pub struct Pieces {
    next_us: i64,
    end_us: i64,
    length_us: i64,
}

impl Pieces {
    /// The time from an organisation's first row in `table` to its last one by the column
    /// `time`, as far as it is in `[from_us, to_us)`. Cheap with an index on `org_id` and `time`.
    pub async fn of(
        conn: &impl ConnectionTrait,
        (table, time): (&str, &str),
        org: Uuid,
        (from_us, to_us): (i64, i64),
    ) -> Result<Self> {
        let mut ends = [None; 2];
        for (end, order) in ends.iter_mut().zip(["ASC", "DESC"]) {
            let mut sql = Sql::new(dialect_of(conn));
            let (org, from, to) = (sql.bind(org), sql.bind(from_us), sql.bind(to_us));
            let text = format!(
                "SELECT {time} FROM {table} WHERE org_id = {org} AND {time} >= {from} \
                 AND {time} < {to} ORDER BY {time} {order} LIMIT 1"
            );
            let row = sql.query(conn, &text).await?.pop();
            *end = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?;
        }
        let (first_us, last_us) = (ends[0].unwrap_or(0), ends[1].unwrap_or(-1));
        Ok(Self { next_us: first_us, end_us: last_us.saturating_add(1), length_us: FIRST_US })
    }

    /// The next piece, `[from_us, to_us)`; `None` at the end.
    pub fn cut(&mut self) -> Option<(i64, i64)> {
        if self.next_us >= self.end_us {
            return None;
        }
        let from_us = self.next_us;
        self.next_us = from_us.saturating_add(self.length_us).min(self.end_us);
        Some((from_us, self.next_us))
    }

    /// How long the last piece took.
    pub fn took(&mut self, time: Duration) {
        if time < SHORT {
            self.length_us = (self.length_us * 2).min(LONGEST_US);
        } else if time > LONG {
            self.length_us = (self.length_us / 4).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_the_time_once_however_long_they_take() {
        let mut random = 7_u64;
        for (first_us, end_us) in [(0, 1), (-5, 40 * FIRST_US), (i64::MAX - 10, i64::MAX), (3, 3)] {
            let mut pieces = Pieces { next_us: first_us, end_us, length_us: FIRST_US };
            let mut at_us = first_us;
            let mut count = 0;
            while let Some((from_us, to_us)) = pieces.cut() {
                assert!(from_us == at_us && to_us > from_us, "{from_us} to {to_us}");
                at_us = to_us;
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Slow at first, then as it comes.
                let slow = count < 3;
                pieces.took(if slow { LONG * 2 } else { SHORT * (random >> 61) as u32 / 2 });
                count += 1;
            }
            assert_eq!(at_us, end_us);
        }
    }

    #[test]
    fn a_row_far_away_in_time_costs_few_pieces() {
        let century = 36_525 * 24 * FIRST_US;
        let mut pieces = Pieces { next_us: 0, end_us: century, length_us: FIRST_US };
        let mut count = 0;
        while pieces.cut().is_some() {
            pieces.took(Duration::ZERO);
            count += 1;
        }
        assert!(count < 100, "{count}");
    }
}
