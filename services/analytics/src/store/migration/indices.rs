//! Tables for indices: definitions and runs, which never change, and publications.

use kit::db::schema::{bytes, index};
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The tables.
pub struct Indices;

impl MigrationName for Indices {
    fn name(&self) -> &str {
        "m20261122_000003_indices"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Indices {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [index_version(), index_run(), publication(), correction()] {
            manager.create_table(table).await?;
        }
        for table in ["index_version", "index_run", "publication"] {
            index(manager, table, &["org_id", "create_us", "id"]).await?;
        }
        index(manager, "index_run", &["org_id", "index_id", "create_us"]).await?;
        Ok(())
    }
}

fn index_version() -> TableCreateStatement {
    Table::create()
        .table("index_version")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(integer("version"))
        .col(uuid("unit_id"))
        .col(text("definition"))
        .col(string("hash"))
        .col(string("creator"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("org_id").col("id").col("version"))
        .to_owned()
}

fn index_run() -> TableCreateStatement {
    Table::create()
        .table("index_run")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(uuid("index_id"))
        .col(integer("version"))
        .col(uuid("unit_id"))
        .col(bytes("head"))
        .col(bytes("result"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned()
}

fn publication() -> TableCreateStatement {
    Table::create()
        .table("publication")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(uuid("run_id"))
        .col(uuid("index_id"))
        .col(uuid("unit_id"))
        .col(string("title"))
        .col(small_integer("state"))
        .col(string("result_hash"))
        .col(text("signer"))
        .col(big_integer("sign_us"))
        .col(text("override_reason"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned()
}

fn correction() -> TableCreateStatement {
    Table::create()
        .table("correction")
        .col(uuid("org_id"))
        .col(uuid("publication_id"))
        .col(integer("number"))
        .col(bytes("body"))
        .primary_key(Index::create().col("org_id").col("publication_id").col("number"))
        .to_owned()
}
