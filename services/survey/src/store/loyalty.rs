//! What loyalty and leave warnings need to know of a block of customers.

use std::collections::HashMap;

use kit::{db::sql::Sql, error::Result};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use survey_domain::{
    customer::{Customer, DAY_US},
    loyalty::{AMOUNT_DAYS, Counts, Facts, RECENT_DAYS},
};
use uuid::Uuid;

use super::rows::sql;

/// A half-open range of time in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// First instant.
    pub from_us: i64,
    /// Instant after the last.
    pub to_us: i64,
}

/// Counts of these customers in a period and the one before.
pub async fn counts(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customers: &[Uuid],
    period: Period,
) -> Result<HashMap<Uuid, Counts>> {
    let mut found: HashMap<Uuid, Counts> = HashMap::new();
    let mut bought = sql(conn);
    let (from, to) = (bought.bind(period.from_us), bought.bind(period.to_us));
    let before = bought.bind(period.from_us.saturating_sub(period.to_us - period.from_us));
    let (org_id, among) = (bought.bind(org), bought.one_of("customer_id", customers));
    let ours = format!("competitor_id IS NULL AND at_us >= {from}");
    let text = format!(
        "SELECT customer_id, \
         CAST(SUM(CASE WHEN {ours} THEN 1 ELSE 0 END) AS BIGINT) AS purchases, \
         CAST(SUM(CASE WHEN {ours} THEN cents ELSE 0 END) AS BIGINT) AS cents, \
         CAST(SUM(CASE WHEN competitor_id IS NOT NULL AND at_us >= {from} \
           THEN cents END) AS BIGINT) AS elsewhere, \
         CAST(SUM(CASE WHEN competitor_id IS NULL AND at_us < {from} \
           THEN 1 ELSE 0 END) AS BIGINT) AS earlier \
         FROM purchase WHERE org_id = {org_id} AND {among} \
         AND at_us >= {before} AND at_us < {to} GROUP BY customer_id"
    );
    for row in bought.query(conn, &text).await? {
        let counts = found.entry(row.try_get("", "customer_id")?).or_default();
        counts.purchases = row.try_get("", "purchases")?;
        counts.cents = row.try_get("", "cents")?;
        counts.elsewhere_cents = row.try_get("", "elsewhere")?;
        counts.earlier_purchases = row.try_get("", "earlier")?;
    }
    let mut referred = sql(conn);
    let (from, to) = (referred.bind(period.from_us), referred.bind(period.to_us));
    let (org_id, among) = (referred.bind(org), referred.one_of("referrer_id", customers));
    let text = format!(
        "SELECT referrer_id, COUNT(*) AS referrals, \
         CAST(SUM(CASE WHEN state IN (2, 3) THEN 1 ELSE 0 END) AS BIGINT) AS converted \
         FROM referral WHERE org_id = {org_id} AND {among} \
         AND create_us >= {from} AND create_us < {to} GROUP BY referrer_id"
    );
    for row in referred.query(conn, &text).await? {
        let counts = found.entry(row.try_get("", "referrer_id")?).or_default();
        counts.referrals = row.try_get("", "referrals")?;
        counts.converted = row.try_get("", "converted")?;
    }
    Ok(found)
}

/// Facts of these customers from which warnings are made.
pub async fn facts(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customers: &[Customer],
    now_us: i64,
) -> Result<HashMap<Uuid, Facts>> {
    let mut found: HashMap<Uuid, Facts> = HashMap::new();
    for customer in customers {
        let activity = &customer.activity;
        let facts = Facts {
            purchases: activity.purchase_count,
            first_purchase_us: activity.first_purchase_us,
            last_purchase_us: activity.last_purchase_us,
            ..Facts::default()
        };
        found.insert(customer.id, facts);
    }
    let customers: Vec<Uuid> = customers.iter().map(|customer| customer.id).collect();
    let mut asked = Asked { conn, org, customers, now_us, found };
    asked.amounts().await?;
    asked.interactions().await?;
    asked.withdrawals().await?;
    Ok(asked.found)
}

type Taken = std::result::Result<(), DbErr>;

/// Facts under construction.
struct Asked<'a, C> {
    conn: &'a C,
    org: Uuid,
    customers: Vec<Uuid>,
    now_us: i64,
    found: HashMap<Uuid, Facts>,
}

impl<C: ConnectionTrait> Asked<'_, C> {
    async fn amounts(&mut self) -> Result<()> {
        let since_us = self.now_us - AMOUNT_DAYS * DAY_US;
        let earlier_us = self.now_us - 2 * AMOUNT_DAYS * DAY_US;
        let text = |sql: &mut Sql, ours: &str| {
            let (recent, earlier) = (sql.bind(since_us), sql.bind(earlier_us));
            let sum = |condition: String| {
                format!("CAST(SUM(CASE WHEN {condition} THEN cents ELSE 0 END) AS BIGINT)")
            };
            format!(
                "SELECT customer_id, {} AS recent, {} AS earlier, {} AS elsewhere \
                 FROM purchase WHERE {ours} AND at_us >= {earlier} GROUP BY customer_id",
                sum(format!("competitor_id IS NULL AND at_us >= {recent}")),
                sum(format!("competitor_id IS NULL AND at_us < {recent}")),
                sum(format!("competitor_id IS NOT NULL AND at_us >= {recent}")),
            )
        };
        let take = |facts: &mut Facts, row: &QueryResult| -> Taken {
            facts.recent_cents = row.try_get("", "recent")?;
            facts.earlier_cents = row.try_get("", "earlier")?;
            facts.elsewhere_cents = row.try_get("", "elsewhere")?;
            Ok(())
        };
        self.each(text, take).await
    }

    async fn interactions(&mut self) -> Result<()> {
        let since_us = self.now_us - RECENT_DAYS * DAY_US;
        let text = |sql: &mut Sql, ours: &str| {
            let (recent, settled) = (sql.bind(since_us), sql.bind(false));
            format!(
                "SELECT customer_id, \
                 CAST(SUM(CASE WHEN kind = 5 AND resolved = {settled} AND at_us >= {recent} \
                   THEN 1 ELSE 0 END) AS BIGINT) AS complaints, \
                 MAX(CASE WHEN kind = 2 THEN end_us END) AS contract_end \
                 FROM interaction WHERE {ours} AND kind IN (2, 5) GROUP BY customer_id"
            )
        };
        let take = |facts: &mut Facts, row: &QueryResult| -> Taken {
            facts.open_complaints = row.try_get("", "complaints")?;
            facts.contract_end_us = row.try_get("", "contract_end")?;
            Ok(())
        };
        self.each(text, take).await
    }

    async fn withdrawals(&mut self) -> Result<()> {
        let since_us = self.now_us - RECENT_DAYS * DAY_US;
        let text = |sql: &mut Sql, ours: &str| {
            let (recent, given) = (sql.bind(since_us), sql.bind(false));
            format!(
                "SELECT customer_id, COUNT(*) AS withdrawn FROM customer_consent \
                 WHERE {ours} AND given = {given} AND at_us >= {recent} GROUP BY customer_id"
            )
        };
        let take = |facts: &mut Facts, row: &QueryResult| -> Taken {
            facts.withdrawn = row.try_get("", "withdrawn")?;
            Ok(())
        };
        self.each(text, take).await
    }

    /// Takes each row of a statement into its customer's facts. `text` makes the statement of the
    /// condition that a row is about one of the customers.
    async fn each(
        &mut self,
        text: impl FnOnce(&mut Sql, &str) -> String,
        take: impl Fn(&mut Facts, &QueryResult) -> Taken,
    ) -> Result<()> {
        let mut sql = sql(self.conn);
        let (org, among) = (sql.bind(self.org), sql.one_of("customer_id", &self.customers));
        let text = text(&mut sql, &format!("org_id = {org} AND {among}"));
        for row in sql.query(self.conn, &text).await? {
            take(self.found.entry(row.try_get("", "customer_id")?).or_default(), &row)?;
        }
        Ok(())
    }
}
