//! Devices, their places, clocks and pairing codes.

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
        device(manager).await?;
        device_assignment(manager).await?;
        device_clock(manager).await?;
        dropped_range(manager).await?;
        pairing_code(manager).await?;
        enroll_guess(manager).await
    }
}

async fn device(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("device")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(text("display_name"))
        .col(small_integer("kind"))
        .col(text("serial_number"))
        .col(uuid_null("template_id"))
        .col(small_integer("state"))
        .col(big_integer_null("last_seen_us"))
        .col(big_integer_null("enroll_us"))
        .col(big_integer_null("revoke_us"))
        .col(boolean("credential_due"))
        .col(text("firmware_version"))
        .col(text("language"))
        .col(big_integer("backlog"))
        .col(big_integer("change_us"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .col(big_integer("dropped_count"))
        .col(big_integer("conflict_count"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "device", &["org_id", "id"]).await?;
    index(manager, "device", &["change_us"]).await?;
    index(manager, "device", &["credential_due"]).await
}

async fn device_assignment(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("device_assignment")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("device_id"))
        .col(uuid("window_id"))
        .col(big_integer("from_us"))
        .col(big_integer_null("to_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "device_assignment", &["device_id", "from_us"]).await?;
    index(manager, "device_assignment", &["window_id", "from_us"]).await
}

async fn device_clock(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("device_clock")
        .col(uuid("device_id"))
        .col(text("boot_id"))
        .col(uuid("org_id"))
        .col(big_integer("offset_us"))
        .col(big_integer_null("boot_us"))
        .col(big_integer("measured_us"))
        .primary_key(Index::create().col("device_id").col("boot_id"))
        .to_owned();
    manager.create_table(table).await
}

async fn dropped_range(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("dropped_range")
        .col(uuid("device_id"))
        .col(big_integer("epoch"))
        .col(big_integer("first"))
        .col(big_integer("last"))
        .col(uuid("org_id"))
        .col(big_integer("report_us"))
        .primary_key(Index::create().col("device_id").col("epoch").col("first"))
        .to_owned();
    manager.create_table(table).await
}

async fn pairing_code(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("pairing_code")
        .col(bytes("code_hash"))
        .col(uuid("device_id"))
        .col(uuid("org_id"))
        .col(big_integer("expire_us"))
        .col(big_integer_null("claim_us"))
        .col(big_integer_null("used_us"))
        .primary_key(Index::create().col("code_hash"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "pairing_code", &["device_id"]).await
}

async fn enroll_guess(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("enroll_guess")
        .col(text("bucket"))
        .col(big_integer("minute"))
        .col(big_integer("count"))
        .primary_key(Index::create().col("bucket"))
        .to_owned();
    manager.create_table(table).await
}
