//! Purchases and interactions, consents and merges of customers.

use std::collections::HashMap;

use kit::db::{
    newest::Newest,
    sql::{Column, odd},
};
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, QueryResult};
use survey_domain::{
    customer::Purpose,
    record::{ConsentRecord, Interaction, InteractionKind, MergeRecord, Purchase},
};
use uuid::Uuid;

use super::rows::{self, Known, sql};

/// A place in a list that is ordered by time and id.
pub type Place = (i64, Uuid);

/// Of these ids, which are there in `table`, with the hash of their content.
pub async fn contents(
    conn: &impl ConnectionTrait,
    table: &'static str,
    org: Uuid,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Vec<u8>)>> {
    let mut sql = sql(conn);
    // Joined in this order, the key finds them, however large the organisation is.
    let wanted = sql.table(vec![("id", Column::Id(ids.to_vec()))]);
    let mine = format!("t.id = q.id AND t.org_id = {}", sql.bind(org));
    let each = sql.each_with(table, "t", &mine);
    let text = format!("{wanted} SELECT t.id, t.content FROM {each}");
    let rows = sql.query(conn, &text).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "content")?))).collect()
}

/// Adds purchases.
pub async fn insert_purchases(conn: &impl ConnectionTrait, new: &[Purchase]) -> Result<()> {
    let columns =
        ["id", "org_id", "customer_id", "competitor_id", "at_us", "cents", "product", "content"];
    let rows: Vec<_> = new
        .iter()
        .map(|p| {
            vec![
                p.id.into(),
                p.org.into(),
                p.customer.into(),
                p.competitor.into(),
                p.at_us.into(),
                p.cents.into(),
                p.product.clone().into(),
                p.content.clone().into(),
            ]
        })
        .collect();
    rows::insert(conn, "purchase", &columns, &rows, Known::Refuse).await?;
    Ok(())
}

/// Adds interactions.
pub async fn insert_interactions(conn: &impl ConnectionTrait, new: &[Interaction]) -> Result<()> {
    let columns = [
        "id",
        "org_id",
        "customer_id",
        "unit_id",
        "kind",
        "at_us",
        "end_us",
        "resolved",
        "node",
        "personal",
        "content",
    ];
    let rows: Vec<_> = new
        .iter()
        .map(|i| {
            vec![
                i.id.into(),
                i.org.into(),
                i.customer.into(),
                i.unit.into(),
                (i.kind as i16).into(),
                i.at_us.into(),
                i.end_us.into(),
                i.resolved.into(),
                i.node.clone().into(),
                i.sealed.clone().into(),
                i.content.clone().into(),
            ]
        })
        .collect();
    rows::insert(conn, "interaction", &columns, &rows, Known::Refuse).await?;
    Ok(())
}

/// Units where interactions happened.
pub async fn units_of(
    conn: &impl ConnectionTrait,
    org: Uuid,
    interactions: &[Uuid],
) -> Result<HashMap<Uuid, Uuid>> {
    let mut sql = sql(conn);
    let wanted = sql.table(vec![("id", Column::Id(interactions.to_vec()))]);
    let mine = format!("t.id = q.id AND t.org_id = {}", sql.bind(org));
    let each = sql.each_with("interaction", "t", &mine);
    let rows = sql.query(conn, &format!("{wanted} SELECT t.id, t.unit_id FROM {each}")).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "unit_id")?))).collect()
}

/// Rows of a customer in `table`, latest first, at most `limit` before `before`.
async fn latest(
    conn: &impl ConnectionTrait,
    table: &'static str,
    org: Uuid,
    customer: Uuid,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<QueryResult>> {
    let list = Newest::of(conn, table, "at_us", org).equal("customer_id", Some(customer));
    list.rows(conn, before, limit).await
}

/// Purchases of a customer, latest first, at most `limit` before `before`.
pub async fn purchases(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Purchase>> {
    let rows = latest(conn, "purchase", org, customer, before, limit).await?;
    rows.iter()
        .map(|row| {
            Ok(Purchase {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                customer: row.try_get("", "customer_id")?,
                competitor: row.try_get("", "competitor_id")?,
                at_us: row.try_get("", "at_us")?,
                cents: row.try_get("", "cents")?,
                product: row.try_get("", "product")?,
                content: row.try_get("", "content")?,
            })
        })
        .collect()
}

/// Interactions of a customer, latest first, at most `limit` before `before`.
pub async fn interactions(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Interaction>> {
    let rows = latest(conn, "interaction", org, customer, before, limit).await?;
    rows.iter()
        .map(|row| {
            let kind: i16 = row.try_get("", "kind")?;
            let odd_kind = || odd("interaction", "kind");
            Ok(Interaction {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                customer: row.try_get("", "customer_id")?,
                unit: row.try_get("", "unit_id")?,
                kind: InteractionKind::from_number(kind.into()).ok_or_else(odd_kind)?,
                at_us: row.try_get("", "at_us")?,
                end_us: row.try_get("", "end_us")?,
                resolved: row.try_get("", "resolved")?,
                node: row.try_get("", "node")?,
                sealed: row.try_get("", "personal")?,
                content: row.try_get("", "content")?,
            })
        })
        .collect()
}

/// Replaces the personal column of a row of `table` and hands the row to a customer.
pub async fn reseal(
    conn: &impl ConnectionTrait,
    (table, column): (&'static str, &'static str),
    org: Uuid,
    id: Uuid,
    customer: Uuid,
    sealed: Option<Vec<u8>>,
) -> Result<()> {
    let mut sql = sql(conn);
    let (sealed, customer) = (sql.bind(sealed), sql.bind(customer));
    let (id, org) = (sql.bind(id), sql.bind(org));
    let text = format!(
        "UPDATE {table} SET {column} = {sealed}, customer_id = {customer} \
         WHERE id = {id} AND org_id = {org}"
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Hands all rows of one customer to another, in a column of `table`; answers how many.
pub async fn hand_over(
    conn: &impl ConnectionTrait,
    table: &'static str,
    column: &'static str,
    org: Uuid,
    from: Uuid,
    to: Uuid,
) -> Result<u64> {
    let mut sql = sql(conn);
    let (to, from, org) = (sql.bind(to), sql.bind(from), sql.bind(org));
    let text =
        format!("UPDATE {table} SET {column} = {to} WHERE {column} = {from} AND org_id = {org}");
    sql.execute(conn, &text).await
}

/// Hands invitations over, but of campaigns that asked both customers.
pub async fn hand_over_invitations(
    conn: &impl ConnectionTrait,
    org: Uuid,
    from: Uuid,
    to: Uuid,
) -> Result<()> {
    let mut sql = sql(conn);
    let (to, from, org) = (sql.bind(to), sql.bind(from), sql.bind(org));
    let text = format!(
        "UPDATE invitation SET customer_id = {to} WHERE customer_id = {from} AND org_id = {org} \
         AND NOT EXISTS (SELECT 1 FROM invitation other \
         WHERE other.campaign_id = invitation.campaign_id AND other.customer_id = {to} \
         AND other.occasion = invitation.occasion)"
    );
    sql.execute(conn, &text).await?;
    Ok(())
}

/// Invitations of a customer: id, campaign, remark.
pub async fn invitations(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
) -> Result<Vec<(Uuid, Uuid, String)>> {
    let mut sql = sql(conn);
    let (customer, org) = (sql.bind(customer), sql.bind(org));
    let text = format!(
        "SELECT id, campaign_id, note FROM invitation \
         WHERE customer_id = {customer} AND org_id = {org} ORDER BY id"
    );
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let (id, campaign) = (row.try_get("", "id")?, row.try_get("", "campaign_id")?);
            Ok((id, campaign, row.try_get("", "note")?))
        })
        .collect()
}

/// Adds records of consent.
pub async fn insert_consents(conn: &impl ConnectionTrait, new: &[ConsentRecord]) -> Result<()> {
    let columns = ["id", "org_id", "customer_id", "purpose", "given", "source", "at_us"];
    let rows: Vec<_> = new
        .iter()
        .map(|c| {
            vec![
                c.id.into(),
                c.org.into(),
                c.customer.into(),
                (c.purpose as i16).into(),
                c.given.into(),
                c.source.clone().into(),
                c.at_us.into(),
            ]
        })
        .collect();
    rows::insert(conn, "customer_consent", &columns, &rows, Known::Refuse).await?;
    Ok(())
}

/// Records of consent of a customer, latest first.
pub async fn consents(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    limit: u64,
) -> Result<Vec<ConsentRecord>> {
    let rows = latest(conn, "customer_consent", org, customer, None, limit).await?;
    rows.iter()
        .map(|row| {
            let purpose: i16 = row.try_get("", "purpose")?;
            let odd_purpose = || odd("customer_consent", "purpose");
            Ok(ConsentRecord {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                customer: row.try_get("", "customer_id")?,
                purpose: Purpose::from_number(purpose.into()).ok_or_else(odd_purpose)?,
                given: row.try_get("", "given")?,
                source: row.try_get("", "source")?,
                at_us: row.try_get("", "at_us")?,
            })
        })
        .collect()
}

/// Adds a record of a merge.
pub async fn insert_merge(conn: &impl ConnectionTrait, new: &MergeRecord) -> Result<()> {
    let taken = serde_json::to_string(&new.taken).map_err(ServiceError::internal)?;
    let columns = [
        "id",
        "org_id",
        "customer_id",
        "merged_id",
        "actor",
        "taken",
        "purchases",
        "interactions",
        "at_us",
    ];
    let row = vec![
        new.id.into(),
        new.org.into(),
        new.customer.into(),
        new.merged.into(),
        new.actor.clone().into(),
        taken.into(),
        new.purchases.into(),
        new.interactions.into(),
        new.at_us.into(),
    ];
    rows::insert(conn, "customer_merge", &columns, &[row], Known::Refuse).await?;
    Ok(())
}

/// Merges into a customer, latest first.
pub async fn merges(
    conn: &impl ConnectionTrait,
    org: Uuid,
    customer: Uuid,
    limit: u64,
) -> Result<Vec<MergeRecord>> {
    let rows = latest(conn, "customer_merge", org, customer, None, limit).await?;
    rows.iter()
        .map(|row| {
            let taken: String = row.try_get("", "taken")?;
            Ok(MergeRecord {
                id: row.try_get("", "id")?,
                org: row.try_get("", "org_id")?,
                customer: row.try_get("", "customer_id")?,
                merged: row.try_get("", "merged_id")?,
                actor: row.try_get("", "actor")?,
                taken: serde_json::from_str(&taken).map_err(|_| odd("customer_merge", "taken"))?,
                purchases: row.try_get("", "purchases")?,
                interactions: row.try_get("", "interactions")?,
                at_us: row.try_get("", "at_us")?,
            })
        })
        .collect()
}
