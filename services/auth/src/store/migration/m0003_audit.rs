//! The audit chains.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null, uuid, uuid_null},
};

use kit::db::schema::{bytes, index, unique};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [audit_record(), audit_head()] {
            manager.create_table(table).await?;
        }
        unique(manager, "audit_record", &["org_id", "source_id"]).await?;
        unique(manager, "audit_record", &["id"]).await?;
        index(manager, "audit_record", &["org_id", "object"]).await?;
        index(manager, "audit_record", &["org_id", "actor"]).await?;
        Ok(())
    }
}

fn audit_record() -> TableCreateStatement {
    Table::create()
        .table("audit_record")
        .col(uuid("org_id"))
        .col(big_integer("number"))
        .col(uuid("id"))
        .col(text_null("source_id"))
        .col(big_integer("time_us"))
        .col(text("actor"))
        .col(text("action"))
        .col(text("object"))
        .col(uuid_null("unit_id"))
        .col(text("outcome"))
        .col(text("detail"))
        .col(bytes("hash"))
        .primary_key(Index::create().col("org_id").col("number"))
        .to_owned()
}

fn audit_head() -> TableCreateStatement {
    Table::create()
        .table("audit_head")
        .col(uuid("org_id"))
        .col(big_integer("number"))
        .col(bytes("hash"))
        .primary_key(Index::create().col("org_id"))
        .to_owned()
}
