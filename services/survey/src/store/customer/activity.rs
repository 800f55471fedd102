//! What grows by purchases, contacts and referrals. Added in SQL, so that two writers at once
//! lose nothing.

use kit::error::Result;
use sea_orm::ConnectionTrait;
use survey_domain::customer::DAY_US;
use uuid::Uuid;

use crate::store::rows::sql;

/// What is added to the activity of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delta {
    /// Purchases with us.
    pub purchases: i64,
    /// Their amount in hundredths.
    pub cents: i64,
    /// Time of the earliest of these purchases.
    pub first_purchase_us: Option<i64>,
    /// Time of the latest of these purchases.
    pub last_purchase_us: Option<i64>,
    /// Complaints.
    pub complaints: i64,
    /// Latest contact.
    pub last_contact_us: Option<i64>,
    /// Referrals.
    pub referrals: i64,
}

impl Delta {
    /// Adds a purchase.
    pub fn purchase(&mut self, at_us: i64, cents: i64) {
        self.purchases += 1;
        self.cents = self.cents.saturating_add(cents);
        self.first_purchase_us = Some(self.first_purchase_us.map_or(at_us, |us| us.min(at_us)));
        self.last_purchase_us = self.last_purchase_us.max(Some(at_us));
    }
}

/// Adds to the activity of a customer.
pub async fn add_activity(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    delta: &Delta,
) -> Result<()> {
    let mut sql = sql(conn);
    let mut set = Vec::new();
    for (column, more) in [
        ("purchase_count", delta.purchases),
        ("purchase_cents", delta.cents),
        ("complaint_count", delta.complaints),
        ("referral_count", delta.referrals),
    ] {
        if more != 0 {
            set.push(format!("{column} = {column} + {}", sql.bind(more)));
        }
    }
    for (column, sign, us) in [
        ("first_purchase_us", "<", delta.first_purchase_us),
        ("last_purchase_us", ">", delta.last_purchase_us),
        ("last_contact_us", ">", delta.last_contact_us),
    ] {
        if let Some(us) = us {
            let us = sql.bind(us);
            let wins = format!("{column} IS NULL OR {us} {sign} {column}");
            set.push(format!("{column} = CASE WHEN {wins} THEN {us} ELSE {column} END"));
        }
    }
    if let Some(us) = delta.last_contact_us {
        let us = sql.bind(us);
        let latest = format!(
            "CASE WHEN last_contact_us IS NULL OR {us} > last_contact_us THEN {us} \
             ELSE last_contact_us END"
        );
        set.push(format!(
            "next_contact_us = CASE WHEN contact_every_days > 0 AND state = 1 \
             THEN {latest} + contact_every_days * {DAY_US} ELSE next_contact_us END"
        ));
    }
    if set.is_empty() {
        return Ok(());
    }
    let (customer, org) = (sql.bind(customer), sql.bind(org));
    let text =
        format!("UPDATE customer SET {} WHERE id = {customer} AND org_id = {org}", set.join(", "));
    sql.execute(conn, &text).await?;
    Ok(())
}
