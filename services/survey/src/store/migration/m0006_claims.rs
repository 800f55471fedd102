//! Operators take invitations, saves of unfinished answers have numbers, and responses know the
//! stretch of time of their site. The table of leases goes: kit has one for all services.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null},
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add(manager, "invitation", text_null("claimant")).await?;
        add(manager, "invitation", big_integer_null("claim_until_us")).await?;
        add(manager, "response_draft", big_integer("revision").default(0).take()).await?;
        add(manager, "response", big_integer_null("site_since_us")).await?;
        manager.drop_table(Table::drop().table("fieldwork_lease").to_owned()).await
    }
}

/// Adds a column; SQLite takes one at a time.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}
