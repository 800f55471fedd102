//! Since when sites of ratings and encounters had stood where they stood then.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["rating", "encounter"] {
            let since = big_integer_null("site_since_us");
            let add = Table::alter().table(table).add_column(since).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }
}
