//! Templates, shifts, encounters, prompts and policy.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, small_integer, text, uuid, uuid_null},
};

use kit::db::schema::{bytes, index};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        template(manager).await?;
        rating_policy(manager).await?;
        shift(manager).await?;
        shift_event(manager).await?;
        encounter(manager).await?;
        prompt(manager).await
    }
}

async fn template(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("template")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(bytes("body"))
        .col(boolean("is_default"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "template", &["org_id", "create_us"]).await
}

async fn rating_policy(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("rating_policy")
        .col(uuid("org_id"))
        .col(bytes("body"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("org_id"))
        .to_owned();
    manager.create_table(table).await
}

async fn shift(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("shift")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(uuid("window_id"))
        .col(uuid("staff_id"))
        .col(big_integer("start_us"))
        .col(big_integer_null("end_us"))
        .col(big_integer("cap_us"))
        .col(small_integer("state"))
        .col(text("pauses"))
        .col(boolean("ended_by_policy"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "shift", &["org_id", "window_id", "start_us"]).await?;
    index(manager, "shift", &["org_id", "staff_id", "start_us"]).await?;
    index(manager, "shift", &["state", "cap_us"]).await
}

async fn shift_event(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("shift_event")
        .col(uuid("org_id"))
        .col(uuid("event_id"))
        .col(small_integer("kind"))
        .col(uuid("window_id"))
        .col(uuid_null("staff_id"))
        .col(big_integer("event_us"))
        .col(big_integer("cap_us"))
        .col(big_integer("receive_us"))
        .col(uuid_null("shift_id"))
        .primary_key(Index::create().col("org_id").col("event_id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "shift_event", &["org_id", "window_id", "event_us"]).await?;
    index(manager, "shift_event", &["org_id", "staff_id", "event_us"]).await
}

async fn encounter(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("encounter")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(uuid("window_id"))
        .col(uuid("site_id"))
        .col(uuid_null("staff_id"))
        .col(text("ticket"))
        .col(big_integer("ticket_us"))
        .col(text("business_type"))
        .col(big_integer("business_us"))
        .col(small_integer("state"))
        .col(big_integer("time_us"))
        .col(big_integer_null("queue_us"))
        .col(big_integer_null("call_us"))
        .col(big_integer_null("start_us"))
        .col(big_integer_null("finish_us"))
        .col(big_integer_null("prompt_us"))
        .col(big_integer_null("shown_us"))
        .col(big_integer_null("timeout_us"))
        .col(big_integer_null("skip_us"))
        .col(big_integer_null("no_show_us"))
        .col(big_integer_null("default_us"))
        .col(big_integer_null("rate_us"))
        .col(uuid_null("rating_id"))
        .col(small_integer("rating_channel"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "encounter", &["org_id", "window_id", "time_us"]).await?;
    index(manager, "encounter", &["org_id", "time_us"]).await?;
    index(manager, "encounter", &["org_id", "state", "prompt_us"]).await
}

async fn prompt(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("prompt")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("window_id"))
        .col(uuid("encounter_id"))
        .col(big_integer("create_us"))
        .col(big_integer("expire_us"))
        .col(boolean("done"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "prompt", &["window_id", "done"]).await?;
    index(manager, "prompt", &["create_us"]).await?;
    index(manager, "prompt", &["org_id", "encounter_id"]).await
}
