//! The next invitation that an operator is to call or visit.

use kit::{
    db::{Dialect, WriteTx, dialect_of},
    error::Result,
};
use sea_orm::EntityTrait;
use survey_domain::{
    channel::Channel,
    invitation::{Invitation, STATES},
};
use uuid::Uuid;

use super::invitation::of_row;
use crate::store::entity::invitation;
use kit::db::sql::Sql;

/// Among which invitations of a campaign to look.
#[derive(Debug)]
pub struct Wanted {
    /// Organisation.
    pub org: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Only about these units; `None` means any.
    pub units: Option<Vec<Uuid>>,
    /// Channels of operators.
    pub channels: Vec<Channel>,
    /// Only those that were not tried so often.
    pub attempts_max: Option<i32>,
}

impl Wanted {
    /// Those that still wait for a call or visit, now or later, taken or not.
    fn condition(&self, sql: &mut Sql) -> String {
        let states = STATES.iter().filter(|state| state.waits_for_operator());
        let states: Vec<String> = states.map(|state| (*state as i16).to_string()).collect();
        let channels: Vec<String> = self.channels.iter().map(|c| (*c as i16).to_string()).collect();
        let mut wanted = vec![
            format!("org_id = {}", sql.bind(self.org)),
            format!("campaign_id = {}", sql.bind(self.campaign)),
            format!("state IN ({})", states.join(", ")),
            format!("channel IN ({})", channels.join(", ")),
            "due_us IS NOT NULL".to_owned(),
        ];
        if let Some(most) = self.attempts_max {
            // The number is that of the attempt to come.
            wanted.push(format!("attempt <= {}", sql.bind(most)));
        }
        if let Some(units) = &self.units {
            wanted.push(sql.one_of("unit_id", units));
        }
        wanted.join(" AND ")
    }
}

/// The one that has been due longest and that nobody has taken, locked until the transaction
/// ends. What others are taking at this moment is left to them, so that nobody waits.
pub async fn lock(tx: &WriteTx, wanted: &Wanted, now_us: i64) -> Result<Option<Invitation>> {
    let conn = tx.conn();
    let mut sql = Sql::new(dialect_of(conn));
    let condition = wanted.condition(&mut sql);
    let now = sql.bind(now_us);
    let lock = match dialect_of(conn) {
        Dialect::Postgres => " FOR UPDATE SKIP LOCKED",
        // It has one writer at a time.
        Dialect::Sqlite => "",
    };
    let text = format!(
        "SELECT * FROM invitation WHERE {condition} AND due_us <= {now} \
         AND (claim_until_us IS NULL OR claim_until_us <= {now}) \
         ORDER BY due_us, id LIMIT 1{lock}"
    );
    let row = invitation::Entity::find().from_raw_sql(sql.statement(&text)).one(conn).await?;
    row.map(of_row).transpose()
}

/// When the next one is due and free, as far as is known; `None` when none waits.
pub async fn next_us(tx: &WriteTx, wanted: &Wanted) -> Result<Option<i64>> {
    let mut sql = Sql::new(dialect_of(tx.conn()));
    let condition = wanted.condition(&mut sql);
    let text = format!(
        "SELECT MIN(CASE WHEN claim_until_us > due_us THEN claim_until_us ELSE due_us END) \
         AS next_us FROM invitation WHERE {condition}"
    );
    let rows = sql.query(tx.conn(), &text).await?;
    Ok(rows.first().map(|row| row.try_get("", "next_us")).transpose()?.flatten())
}
