//! Exact counts from the stored rows, for proving that nothing was lost on the way.

use kit::{
    db::{dialect_of, pieces::Pieces, sql::Sql},
    error::Result,
};
use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Ratings, by the time of the press.
    Ratings,
    /// Encounters, by the time at which they are placed.
    Encounters,
}

/// What rows that are counted together have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Nearest unit that is not a window.
    pub site: Uuid,
    /// Template of ratings.
    pub template: Option<Uuid>,
    /// Grade of ratings, state of encounters.
    pub key: i32,
    /// Whether a trust mark is set.
    pub distrusted: bool,
}

impl Rows {
    /// The time in which an organisation has such rows within `[from_us, to_us)`.
    pub async fn pieces(
        self,
        conn: &impl ConnectionTrait,
        org: Uuid,
        range: (i64, i64),
    ) -> Result<Pieces> {
        let table = match self {
            Self::Ratings => ("rating", "press_us"),
            Self::Encounters => ("encounter", "time_us"),
        };
        Pieces::of(conn, table, org, range).await
    }

    /// How many there are of each kind in `[from_us, to_us)`.
    pub async fn count(
        self,
        conn: &impl ConnectionTrait,
        org: Uuid,
        (from_us, to_us): (i64, i64),
    ) -> Result<Vec<(Kind, i64)>> {
        let mut sql = Sql::new(dialect_of(conn));
        let (org, from, to) = (sql.bind(org), sql.bind(from_us), sql.bind(to_us));
        // CASE gives the same integer on both databases.
        let marked = "CASE WHEN trust_marks <> 0 THEN 1 ELSE 0 END";
        let text = match self {
            Self::Ratings => format!(
                "SELECT site_id, template_id, grade AS key, {marked} AS marked, COUNT(*) AS n \
                 FROM rating WHERE org_id = {org} AND press_us >= {from} AND press_us < {to} \
                 GROUP BY site_id, template_id, grade, {marked}"
            ),
            Self::Encounters => format!(
                "SELECT site_id, CAST(state AS INTEGER) AS key, 0 AS marked, COUNT(*) AS n \
                 FROM encounter WHERE org_id = {org} AND time_us >= {from} AND time_us < {to} \
                 GROUP BY site_id, state"
            ),
        };
        sql.query(conn, &text).await?.iter().map(|row| self.read(row)).collect()
    }

    fn read(self, row: &QueryResult) -> Result<(Kind, i64)> {
        let marked: i32 = row.try_get("", "marked")?;
        let kind = Kind {
            site: row.try_get("", "site_id")?,
            template: match self {
                Self::Ratings => row.try_get("", "template_id")?,
                Self::Encounters => None,
            },
            key: row.try_get("", "key")?,
            distrusted: marked != 0,
        };
        Ok((kind, row.try_get("", "n")?))
    }
}
