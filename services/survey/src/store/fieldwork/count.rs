//! The counts of fieldwork, kept in rows that change in the transaction of what they count. To
//! read them costs the same whatever they count.

use std::collections::BTreeMap;

use kit::{db::dialect_of, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use kit::db::sql::{Column, Sql, odd};

/// What is told apart; the numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum Dimension {
    /// Nothing.
    Total = 1,
    /// Class of the customer.
    Class = 2,
    /// Unit.
    Unit = 3,
    /// Channel.
    Channel = 4,
    /// Day on which a state was come into.
    Day = 5,
    /// Disposition in the rates.
    Disposition = 6,
}

const DIMENSIONS: [Dimension; 6] = [
    Dimension::Total,
    Dimension::Class,
    Dimension::Unit,
    Dimension::Channel,
    Dimension::Day,
    Dimension::Disposition,
];

/// Measures besides the numbers of states (1 to 10) and dispositions (1 to 6).
pub mod measure {
    /// Answers without an invitation.
    pub const OPEN: i16 = 20;
    /// Answers to invitations that are marked as suspect.
    pub const SUSPECT: i16 = 21;
    /// Answers without an invitation that are marked as suspect.
    pub const OPEN_SUSPECT: i16 = 22;
    /// Invitations that were handed over, delivered or not.
    pub const SENT: i16 = 23;
}

/// Rows that count the same thing. A unit is its own slot: there are many of them.
const SLOTS: u128 = 8;

/// What a row counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What is told apart.
    pub dimension: Dimension,
    /// Which class, unit, channel or day; empty for the total.
    pub item: String,
    /// State, disposition or one of [`measure`].
    pub measure: i16,
}

/// Changes of counts, collected so that each row is touched once.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<Key, i64>);

impl Changes {
    /// Adds to a count.
    pub fn add(&mut self, dimension: Dimension, item: impl Into<String>, measure: i16, by: i64) {
        let key = Key { dimension, item: item.into(), measure };
        *self.0.entry(key).or_default() += by;
    }

    /// Writes the changes down. `spread` tells apart those who count at the same time. Call it
    /// last in a transaction: its rows are those that others wait for, and all lock them in the
    /// same order.
    pub async fn write(
        mut self,
        conn: &impl ConnectionTrait,
        org: Uuid,
        campaign: Uuid,
        spread: Uuid,
    ) -> Result<()> {
        self.0.retain(|_, by| *by != 0);
        if self.0.is_empty() {
            return Ok(());
        }
        let slot = i64::try_from(spread.as_u128() % SLOTS).unwrap_or_default();
        let slot_of = |key: &Key| if key.dimension == Dimension::Unit { 0 } else { slot };
        let mut sql = Sql::new(dialect_of(conn));
        let keys = || self.0.keys();
        let rows = sql.table(vec![
            ("dimension", Column::Number(keys().map(|k| k.dimension as i64).collect())),
            ("item", Column::Text(keys().map(|k| k.item.clone()).collect())),
            ("measure", Column::Number(keys().map(|k| i64::from(k.measure)).collect())),
            ("slot", Column::Number(keys().map(slot_of).collect())),
            ("change", Column::Number(self.0.values().copied().collect())),
        ]);
        let (campaign, org) = (sql.bind(campaign), sql.bind(org));
        let small = |name: &str| format!("CAST({name} AS SMALLINT)");
        let text = format!(
            "{rows} INSERT INTO fieldwork_count \
             (campaign_id, dimension, item, measure, slot, org_id, count) \
             SELECT {campaign}, {}, item, {}, {}, {org}, change FROM q WHERE true \
             ORDER BY dimension, item, measure \
             ON CONFLICT (campaign_id, dimension, item, measure, slot) \
             DO UPDATE SET count = fieldwork_count.count + excluded.count",
            small("dimension"),
            small("measure"),
            small("slot"),
        );
        sql.execute(conn, &text).await?;
        Ok(())
    }
}

/// All counts of a campaign that are not 0; days only from the day number `from_day` on.
pub async fn read(
    conn: &impl ConnectionTrait,
    org: Uuid,
    campaign: Uuid,
    from_day: Option<i32>,
) -> Result<BTreeMap<Key, i64>> {
    let mut sql = Sql::new(dialect_of(conn));
    let (campaign, org) = (sql.bind(campaign), sql.bind(org));
    let days = from_day.map(|day| {
        let (dimension, day) = (sql.bind(Dimension::Day as i16), sql.bind(day_item(day)));
        format!(" AND (dimension <> {dimension} OR item >= {day})")
    });
    let text = format!(
        "SELECT dimension, item, measure, CAST(SUM(count) AS BIGINT) AS count \
         FROM fieldwork_count WHERE campaign_id = {campaign} AND org_id = {org}{} \
         GROUP BY dimension, item, measure",
        days.unwrap_or_default()
    );
    let mut counts = BTreeMap::new();
    for row in sql.query(conn, &text).await? {
        let number: i16 = row.try_get("", "dimension")?;
        let dimension = DIMENSIONS.into_iter().find(|d| *d as i16 == number);
        let dimension = dimension.ok_or_else(|| odd("fieldwork_count", "dimension"))?;
        let key =
            Key { dimension, item: row.try_get("", "item")?, measure: row.try_get("", "measure")? };
        let count: i64 = row.try_get("", "count")?;
        if count != 0 {
            counts.insert(key, count);
        }
    }
    Ok(counts)
}

/// A day as an item; texts are in the order of days.
pub fn day_item(day: i32) -> String {
    format!("{:06}", day.max(0))
}
