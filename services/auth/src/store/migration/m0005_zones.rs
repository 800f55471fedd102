//! Earlier time zones of units and organisations.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["unit", "organisation"] {
            // One column at a time: SQLite adds no two at once.
            let since = big_integer("zone_us").default(0).to_owned();
            for column in [since, text("former_zones").default("[]").to_owned()] {
                let add = Table::alter().table(table).add_column(column).to_owned();
                manager.alter_table(add).await?;
            }
        }
        Ok(())
    }
}
