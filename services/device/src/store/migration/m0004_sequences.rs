//! How far each device's messages are stored.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, uuid},
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("rating_sequence")
            .col(uuid("device_id"))
            .col(big_integer("epoch"))
            .col(uuid("org_id"))
            .col(big_integer("contiguous"))
            .col(text("ranges"))
            .primary_key(Index::create().col("device_id").col("epoch"))
            .to_owned();
        manager.create_table(table).await
    }
}
