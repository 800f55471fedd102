//! Packed roll-ups in place of the cells of sites by local day. They are made like the cells, by
//! applying the feeds again from their beginning.

use kit::db::schema::bytes;
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The migration.
pub struct Packs;

impl MigrationName for Packs {
    fn name(&self) -> &str {
        "m20261122_000006_packs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Packs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == sea_orm::DbBackend::Postgres;
        manager.create_table(pack(postgres)).await?;
        let conn = manager.get_connection();
        conn.execute_unprepared("DROP TABLE cell_site_day").await?;
        for counted in ["cell_quarter", "cell_day", "cell_answer", "answer_vector", "parked_group"]
        {
            conn.execute_unprepared(&format!("DELETE FROM {counted}")).await?;
        }
        for table in ["inbox", "feed_cursor"] {
            let forget = format!("DELETE FROM {table} WHERE source IN ('device', 'survey')");
            conn.execute_unprepared(&forget).await?;
        }
        Ok(())
    }
}

/// All sums of a site and month in one value; see `analytics_domain::pack`.
fn pack(postgres: bool) -> TableCreateStatement {
    let mut key = Index::create();
    for column in ["org_id", "kind", "month", "site_id", "unit_id"] {
        key.col(column);
    }
    let mut create = Table::create();
    create
        .table("pack")
        .col(uuid("org_id"))
        .col(small_integer("kind"))
        .col(integer("month"))
        .col(uuid("site_id"))
        .col(uuid("unit_id"))
        .col(bytes("body"))
        .primary_key(&mut key);
    // Rewritten often and read by ranges of the key: on PostgreSQL room for updates in place and
    // no separate storage for what fits on a page, on SQLite rows inside of the index.
    create.extra(if postgres {
        "WITH (fillfactor = 70, toast_tuple_target = 8160)"
    } else {
        "WITHOUT ROWID"
    });
    create
}
