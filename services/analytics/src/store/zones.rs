//! The time zone in which each site's days are kept. It is fixed when the first fact of the
//! site arrives: were it to follow a later change of the unit, a fact that is taken back would
//! be looked for on another day than it was counted on.

use kit::{db::WriteTx, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::sql::{LIST_MAX, Values, execute, query};

/// The zone of a site, if it was seen before.
pub async fn of_site(conn: &impl ConnectionTrait, org: Uuid, site: Uuid) -> Result<Option<String>> {
    let mut values = Values::default();
    let (org, site) = (values.put(org), values.put(site));
    let sql = format!("SELECT zone FROM site_zone WHERE org_id = {org} AND site_id = {site}");
    let rows = query(conn, sql, values).await?;
    rows.first().map(|row| Ok(row.try_get_by_index(0)?)).transpose()
}

/// Fixes the zone of a site.
pub async fn fix(tx: &WriteTx, org: Uuid, site: Uuid, zone: &str) -> Result<()> {
    let mut values = Values::default();
    let tuple = values.tuple([org.into(), site.into(), sea_orm::Value::from(zone)]);
    let sql = format!(
        "INSERT INTO site_zone (org_id, site_id, zone) VALUES {tuple} ON CONFLICT DO NOTHING"
    );
    execute(tx.conn(), sql, values).await?;
    Ok(())
}

/// The different zones of sites of an organisation; of all when no list is given.
pub async fn of_sites(
    conn: &impl ConnectionTrait,
    org: Uuid,
    sites: Option<&[Uuid]>,
) -> Result<Vec<String>> {
    let lists: Vec<Option<&[Uuid]>> = match sites {
        None => vec![None],
        Some(sites) => sites.chunks(LIST_MAX).map(Some).collect(),
    };
    let mut zones = Vec::new();
    for list in lists {
        let mut values = Values::default();
        let mut sql =
            format!("SELECT DISTINCT zone FROM site_zone WHERE org_id = {}", values.put(org));
        if let Some(list) = list {
            let list = values.list(list.iter().copied());
            sql.push_str(&format!(" AND site_id IN {list}"));
        }
        for row in query(conn, sql, values).await? {
            zones.push(row.try_get_by_index::<String>(0)?);
        }
    }
    zones.sort();
    zones.dedup();
    Ok(zones)
}
