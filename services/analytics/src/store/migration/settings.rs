//! Tables for what people set: targets, score cards, alert rules, calendar days; and alerts.

use kit::db::schema::{bytes, index};
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The tables.
pub struct Settings;

impl MigrationName for Settings {
    fn name(&self) -> &str {
        "m20261122_000004_settings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Settings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [setting(), calendar_day(), alert()] {
            manager.create_table(table).await?;
        }
        index(manager, "setting", &["org_id", "kind", "create_us", "id"]).await?;
        index(manager, "alert", &["org_id", "create_us", "id"]).await
    }
}

/// Objects of a few kinds that are always read whole.
fn setting() -> TableCreateStatement {
    Table::create()
        .table("setting")
        .col(uuid("org_id"))
        .col(small_integer("kind"))
        .col(uuid("id"))
        .col(uuid("unit_id"))
        .col(bytes("body"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("org_id").col("kind").col("id"))
        .to_owned()
}

fn calendar_day() -> TableCreateStatement {
    Table::create()
        .table("calendar_day")
        .col(uuid("org_id"))
        .col(integer("day"))
        .col(small_integer("working"))
        .col(text("title"))
        .primary_key(Index::create().col("org_id").col("day"))
        .to_owned()
}

/// The id is made of rule, unit and day, so that an alert is raised once.
fn alert() -> TableCreateStatement {
    Table::create()
        .table("alert")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(uuid("unit_id"))
        .col(bytes("body"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned()
}
