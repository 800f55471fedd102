//! Ratings and quarantine.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, integer, small_integer, text_null, uuid, uuid_null,
    },
};

use kit::db::schema::{bytes, index, unique};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rating(manager).await?;
        quarantine(manager).await
    }
}

async fn rating(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("rating")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("device_id"))
        .col(big_integer("epoch"))
        .col(big_integer("sequence"))
        .col(uuid("rating_id"))
        .col(big_integer("content_hash"))
        .col(uuid("template_id"))
        .col(integer("grade"))
        .col(text_null("item_grades"))
        .col(text_null("reasons"))
        .col(text_null("comment"))
        .col(uuid_null("window_id"))
        .col(uuid("site_id"))
        .col(uuid_null("staff_id"))
        .col(uuid_null("encounter_id"))
        .col(text_null("business_type"))
        .col(small_integer("channel"))
        .col(big_integer("press_us"))
        .col(big_integer_null("device_us"))
        .col(big_integer("receive_us"))
        .col(small_integer("clock_source"))
        .col(boolean("clock_suspect"))
        .col(integer("trust_marks"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "rating", &["device_id", "epoch", "sequence"]).await?;
    index(manager, "rating", &["org_id", "press_us"]).await
}

async fn quarantine(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("quarantine")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("device_id"))
        .col(big_integer("epoch"))
        .col(big_integer("sequence"))
        .col(uuid("rating_id"))
        .col(big_integer("content_hash"))
        .col(uuid("unit_id"))
        .col(small_integer("cause"))
        .col(bytes("message"))
        .col(big_integer("press_us"))
        .col(big_integer("receive_us"))
        .col(small_integer("clock_source"))
        .col(boolean("clock_suspect"))
        .col(small_integer("state"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    unique(manager, "quarantine", &["device_id", "epoch", "sequence", "rating_id"]).await?;
    index(manager, "quarantine", &["org_id", "receive_us"]).await
}
