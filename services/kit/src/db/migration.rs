//! The tables of kit: every service has them in its own database.

use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// Kit's migrations; a service puts them before its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(M20261122Kit), Box::new(M20261122Lease)]
}

struct M20261122Lease;

impl MigrationName for M20261122Lease {
    fn name(&self) -> &str {
        "m20261122_000001_lease"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M20261122Lease {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lease = Table::create()
            .table("lease")
            .col(string("name").primary_key())
            .col(uuid("holder"))
            .col(big_integer("until_us"))
            .col(uuid_null("wanted"))
            .to_owned();
        manager.create_table(lease).await
    }
}

struct M20261122Kit;

impl MigrationName for M20261122Kit {
    fn name(&self) -> &str {
        "m20261122_000000_kit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M20261122Kit {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_outbox(manager).await?;
        for table in [inbox(), feed_cursor(), idempotency(), directory(), audit_queue()] {
            manager.create_table(table).await?;
        }
        Ok(())
    }
}

/// The outbox differs: on PostgreSQL each row carries its transaction id, by which readers
/// know how far they may read; on SQLite there is one writer and the id is enough.
async fn create_outbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let postgres = manager.get_database_backend() == sea_orm::DbBackend::Postgres;
    let statement = if postgres {
        "CREATE TABLE outbox (
            xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
            id bigserial NOT NULL,
            group_id uuid NOT NULL,
            commit_us bigint NOT NULL,
            events bytea NOT NULL,
            PRIMARY KEY (xid, id))"
    } else {
        "CREATE TABLE outbox (
            id integer PRIMARY KEY AUTOINCREMENT,
            xid integer NOT NULL DEFAULT 0,
            group_id blob NOT NULL,
            commit_us integer NOT NULL,
            events blob NOT NULL)"
    };
    manager.get_connection().execute_unprepared(statement).await?;
    if postgres {
        // Groups come compressed already.
        let plain = "ALTER TABLE outbox ALTER COLUMN events SET STORAGE EXTERNAL";
        manager.get_connection().execute_unprepared(plain).await?;
    }
    Ok(())
}

fn inbox() -> TableCreateStatement {
    Table::create()
        .table("inbox")
        .col(string("source"))
        .col(uuid("group_id"))
        .primary_key(Index::create().col("source").col("group_id"))
        .to_owned()
}

fn feed_cursor() -> TableCreateStatement {
    Table::create()
        .table("feed_cursor")
        .col(string("source").primary_key())
        .col(string("position"))
        .col(big_integer("commit_us"))
        .to_owned()
}

fn idempotency() -> TableCreateStatement {
    Table::create()
        .table("idempotency")
        .col(uuid("org_id"))
        .col(string("principal"))
        .col(string("method"))
        .col(string("request_key"))
        .col(binary("request_hash"))
        .col(binary("response"))
        .col(big_integer("create_us"))
        .primary_key(
            Index::create().col("org_id").col("principal").col("method").col("request_key"),
        )
        .to_owned()
}

fn directory() -> TableCreateStatement {
    Table::create()
        .table("directory")
        .col(uuid("org_id"))
        .col(string("object"))
        .col(big_integer("version"))
        .col(binary("body"))
        .primary_key(Index::create().col("org_id").col("object"))
        .to_owned()
}

fn audit_queue() -> TableCreateStatement {
    Table::create()
        .table("audit_queue")
        .col(uuid("id").primary_key())
        .col(uuid("org_id"))
        .col(binary("body"))
        .to_owned()
}
