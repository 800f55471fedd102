//! Earlier parents of units, and organisations that are suspended.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, text},
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let former = text("former_parents").default("[]").to_owned();
        let unit = Table::alter().table("unit").add_column(former).to_owned();
        manager.alter_table(unit).await?;
        let suspended = big_integer_null("suspend_us");
        let organisation = Table::alter().table("organisation").add_column(suspended).to_owned();
        manager.alter_table(organisation).await
    }
}
