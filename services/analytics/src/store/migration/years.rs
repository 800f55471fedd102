//! Packs of years, made of the packs of months that are there: nothing has to be applied again.

use analytics_domain::pack::{Kind, Pack, PackKey, Packs, is_overall, january_of, month_in};
use kit::error::{Result, ServiceError};
use sea_orm::{ConnectionTrait, Statement};
use sea_orm_migration::{MigrationTrait, prelude::*};
use uuid::Uuid;

use crate::store::packs;

/// Packs of months in memory at once.
const ROWS: usize = 500;

/// The migration.
pub struct Years;

impl MigrationName for Years {
    fn name(&self) -> &str {
        "m20261122_000007_years"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Years {
    async fn up(&self, manager: &SchemaManager) -> std::result::Result<(), DbErr> {
        let filled = fill(manager.get_connection()).await;
        filled.map_err(|error| DbErr::Migration(error.to_string()))
    }
}

/// Makes the packs of years, of which there must be none.
///
/// # Errors
/// If the database does not answer, or holds a pack that cannot be read.
pub async fn fill(conn: &impl ConnectionTrait) -> Result<()> {
    let mut after: Option<PackKey> = None;
    loop {
        let months = page(conn, after).await?;
        let Some((last, _)) = months.last() else { return Ok(()) };
        after = Some(*last);
        let mut years = Packs::new();
        for (key, body) in &months {
            let (kind, month) = (Kind::Years.number(), january_of(key.month));
            let year = years.entry(PackKey { kind, month, ..*key }).or_default();
            let pack = Pack::decode(body).map_err(ServiceError::internal)?;
            for (what, _, counts) in pack.entries().filter(|(what, ..)| is_overall(what)) {
                year.add(what, month_in(key.month), counts);
            }
        }
        packs::add(conn, years).await?;
    }
}

/// The packs of months that follow, by the order of their keys.
async fn page(
    conn: &impl ConnectionTrait,
    after: Option<PackKey>,
) -> Result<Vec<(PackKey, Vec<u8>)>> {
    let kind = Kind::Months.number();
    let (mut values, mut later) = (Vec::<Value>::new(), String::new());
    if let Some(key) = after {
        values = vec![key.org.into(), key.month.into(), key.site.into()];
        later = "AND (org_id, month, site_id) > ($1, $2, $3)".to_owned();
    }
    let sql = format!(
        "SELECT org_id, month, site_id, body FROM pack WHERE kind = {kind} {later} \
         ORDER BY org_id, month, site_id LIMIT {ROWS}"
    );
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    let rows = conn.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let key = PackKey {
                org: row.try_get_by_index(0)?,
                kind,
                month: row.try_get_by_index(1)?,
                site: row.try_get_by_index(2)?,
                unit: Uuid::nil(),
            };
            Ok((key, row.try_get_by_index(3)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use analytics_domain::{
        cell::{Counts, SiteKey, What},
        measures::resample::Generator,
        pack,
    };
    use kit::db::Db;

    use super::*;

    async fn years(db: &Db) -> BTreeMap<(Uuid, i32, Uuid), Vec<u8>> {
        let sql = "SELECT org_id, month, site_id, body FROM pack WHERE kind = 4";
        let conn = db.read();
        let statement = Statement::from_string(conn.get_database_backend(), sql);
        let rows = conn.query_all_raw(statement).await.unwrap();
        let of = |row: &sea_orm::QueryResult| {
            let key = (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                row.try_get_by_index(2).unwrap(),
            );
            (key, row.try_get_by_index(3).unwrap())
        };
        rows.iter().map(of).collect()
    }

    /// Cells of 40 sites of two organisations over three years, with and without items.
    fn cells() -> BTreeMap<SiteKey, Counts> {
        let mut random = Generator::new(3, 0);
        let mut below = |end: u64| random.below(end);
        let mut cells: BTreeMap<SiteKey, Counts> = BTreeMap::new();
        for _ in 0..1_500 {
            let item = ["", "speed"][below(2) as usize].to_owned();
            let template = Uuid::from_u128(below(3).into());
            let key = SiteKey {
                org: Uuid::from_u128(below(2).into()),
                site: Uuid::from_u128(below(40).into()),
                time: 20_000 + below(1_100) as i32,
                what: What { template, item, class: 0, block: 0 },
            };
            cells.entry(key).or_default().grades[3] += 1 + below(5) as i64;
        }
        cells
    }

    #[tokio::test]
    async fn years_filled_from_months_are_those_that_facts_would_have_made() {
        for (name, db) in kit::testing::databases(crate::store::migrations).await {
            let tx = db.begin().await.unwrap();
            packs::add(tx.conn(), pack::of_sites(&cells())).await.unwrap();
            tx.commit().await.unwrap();
            let made = years(&db).await;
            assert!(made.len() > 80, "{name}: {}", made.len());
            let tx = db.begin().await.unwrap();
            tx.conn().execute_unprepared("DELETE FROM pack WHERE kind = 4").await.unwrap();
            fill(tx.conn()).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(years(&db).await, made, "{name}");
        }
    }
}
