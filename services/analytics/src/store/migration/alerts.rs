//! Alerts that are cleared, and what the verifier has found.

use kit::db::schema::{bytes, index};
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The migration.
pub struct Alerts;

impl MigrationName for Alerts {
    fn name(&self) -> &str {
        "m20261122_000006_alerts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Alerts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [uuid_null("rule_id"), big_integer_null("clear_us")] {
            let add = Table::alter().table("alert").add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        index(manager, "alert", &["org_id", "rule_id"]).await?;
        let verification = Table::create()
            .table("verification")
            .col(uuid("org_id").primary_key())
            .col(bytes("body"))
            .to_owned();
        manager.create_table(verification).await
    }
}
