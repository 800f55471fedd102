//! Customers and what belongs to them. Personal fields are ciphertext and keyed hashes alone.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, double, integer, small_integer, small_integer_null,
        text, text_null, uuid, uuid_null,
    },
};

use kit::db::schema::{bytes, index, partial, unique};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        schema_tables(manager).await?;
        customer(manager).await?;
        history(manager).await?;
        records(manager).await?;
        triggers(manager).await?;
        care(manager).await?;
        imports(manager).await?;
        erasures(manager).await
    }
}

fn blob_null(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().null().take()
}

async fn schema_tables(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let attribute = Table::create()
        .table("customer_attribute")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("code"))
        .col(text("label"))
        .col(small_integer("kind"))
        .col(text("choices"))
        .col(boolean("personal"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(attribute).await?;
    unique(manager, "customer_attribute", &["org_id", "code"]).await?;
    let class = Table::create()
        .table("customer_class")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("code"))
        .col(text("label"))
        .col(double("weight"))
        .col(big_integer("version"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(class).await?;
    unique(manager, "customer_class", &["org_id", "code"]).await?;
    let segment = Table::create()
        .table("segment")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(text("display_name"))
        .col(text("filter"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(segment).await?;
    index(manager, "segment", &["org_id", "id"]).await?;
    let competitor = Table::create()
        .table("competitor")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("display_name"))
        .col(text("note"))
        .col(text("products"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(competitor).await?;
    index(manager, "competitor", &["org_id", "id"]).await
}

async fn customer(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("customer")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(uuid("class_id"))
        .col(uuid_null("competitor_id"))
        .col(small_integer("state"))
        .col(uuid_null("merged_into"))
        .col(double("importance"))
        .col(text("language"))
        .col(text_null("since"))
        .col(small_integer_null("anniversary"))
        .col(integer("contact_every_days"))
        .col(big_integer_null("next_contact_us"))
        .col(text("attributes"))
        .col(text("preferences"))
        .col(small_integer("consents"))
        .col(big_integer("purchase_count"))
        .col(big_integer("purchase_cents"))
        .col(big_integer_null("first_purchase_us"))
        .col(big_integer_null("last_purchase_us"))
        .col(big_integer("complaint_count"))
        .col(big_integer_null("last_contact_us"))
        .col(big_integer("referral_count"))
        .col(boolean("legal_hold"))
        .col(blob_null("person_key"))
        .col(blob_null("personal"))
        .col(blob_null("external_hash"))
        .col(blob_null("phone_hash"))
        .col(blob_null("email_hash"))
        .col(blob_null("name_hash"))
        .col(blob_null("name_birthday_hash"))
        .col(blob_null("birth_day_hash"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .col(big_integer("change_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "customer", &["org_id", "id"]).await?;
    index(manager, "customer", &["merged_into"]).await?;
    index(manager, "customer", &["org_id", "anniversary"]).await?;
    index(manager, "customer", &["org_id", "next_contact_us"]).await?;
    partial(manager, "customer", &["org_id", "external_hash"], "external_hash IS NOT NULL").await?;
    for hash in ["phone_hash", "email_hash", "name_hash", "name_birthday_hash", "birth_day_hash"] {
        index(manager, "customer", &["org_id", hash]).await?;
    }
    Ok(())
}

async fn history(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let consent = Table::create()
        .table("customer_consent")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("customer_id"))
        .col(small_integer("purpose"))
        .col(boolean("given"))
        .col(blob_null("source"))
        .col(big_integer("at_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(consent).await?;
    index(manager, "customer_consent", &["customer_id", "at_us"]).await?;
    index(manager, "customer_consent", &["org_id", "at_us"]).await?;
    let merge = Table::create()
        .table("customer_merge")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("customer_id"))
        .col(uuid("merged_id"))
        .col(text("actor"))
        .col(text("taken"))
        .col(big_integer("purchases"))
        .col(big_integer("interactions"))
        .col(big_integer("at_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(merge).await?;
    index(manager, "customer_merge", &["customer_id", "at_us"]).await
}

async fn records(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let purchase = Table::create()
        .table("purchase")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("customer_id"))
        .col(uuid_null("competitor_id"))
        .col(big_integer("at_us"))
        .col(big_integer("cents"))
        .col(text("product"))
        .col(bytes("content"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(purchase).await?;
    index(manager, "purchase", &["customer_id", "at_us"]).await?;
    index(manager, "purchase", &["org_id", "at_us"]).await?;
    let interaction = Table::create()
        .table("interaction")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("customer_id"))
        .col(uuid("unit_id"))
        .col(small_integer("kind"))
        .col(big_integer("at_us"))
        .col(big_integer_null("end_us"))
        .col(boolean("resolved"))
        .col(blob_null("personal"))
        .col(bytes("content"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(interaction).await?;
    index(manager, "interaction", &["customer_id", "at_us"]).await?;
    index(manager, "interaction", &["org_id", "at_us"]).await
}

async fn triggers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let rule = Table::create()
        .table("customer_trigger")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(text("display_name"))
        .col(small_integer("kind"))
        .col(small_integer("action"))
        .col(uuid_null("campaign_id"))
        .col(integer("delay_hours"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(rule).await?;
    index(manager, "customer_trigger", &["org_id", "create_us"]).await?;
    let due = Table::create()
        .table("due_trigger")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("trigger_id"))
        .col(uuid("interaction_id"))
        .col(uuid("customer_id"))
        .col(uuid("unit_id"))
        .col(small_integer("action"))
        .col(uuid_null("campaign_id"))
        .col(big_integer("due_us"))
        .col(big_integer_null("done_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(due).await?;
    unique(manager, "due_trigger", &["trigger_id", "interaction_id"]).await?;
    index(manager, "due_trigger", &["org_id", "due_us", "id"]).await?;
    index(manager, "due_trigger", &["customer_id"]).await
}

async fn care(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let done = Table::create()
        .table("reminder_done")
        .col(uuid("customer_id"))
        .col(small_integer("kind"))
        .col(text("day"))
        .col(uuid("org_id"))
        .col(big_integer("done_us"))
        .primary_key(Index::create().col("customer_id").col("kind").col("day"))
        .to_owned();
    manager.create_table(done).await?;
    let referral = Table::create()
        .table("referral")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("referrer_id"))
        .col(uuid_null("referred_id"))
        .col(small_integer("state"))
        .col(text("reward"))
        .col(big_integer("reward_cents"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .col(big_integer_null("reward_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(referral).await?;
    index(manager, "referral", &["org_id", "create_us", "id"]).await?;
    index(manager, "referral", &["referrer_id"]).await?;
    index(manager, "referral", &["referred_id"]).await
}

async fn imports(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let import = Table::create()
        .table("customer_import")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(bytes("file_key"))
        .col(text("settings"))
        .col(big_integer("length"))
        .col(text("content_sha256"))
        .col(text("actor"))
        .col(small_integer("state"))
        .col(big_integer("received"))
        .col(text("scan"))
        .col(big_integer("row_count"))
        .col(big_integer("created_count"))
        .col(big_integer("updated_count"))
        .col(big_integer("unchanged_count"))
        .col(big_integer("error_count"))
        .col(text_null("failure"))
        .col(blob_null("part_key"))
        .col(big_integer("create_us"))
        .col(big_integer_null("end_us"))
        .col(big_integer("lease_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(import).await?;
    unique(manager, "customer_import", &["org_id", "file_key"]).await?;
    index(manager, "customer_import", &["org_id", "create_us", "id"]).await?;
    index(manager, "customer_import", &["state"]).await?;
    let part = Table::create()
        .table("import_part")
        .col(uuid("import_id"))
        .col(big_integer("place"))
        .col(uuid("org_id"))
        .col(bytes("body"))
        .primary_key(Index::create().col("import_id").col("place"))
        .to_owned();
    manager.create_table(part).await?;
    let error = Table::create()
        .table("import_error")
        .col(uuid("import_id"))
        .col(big_integer("place"))
        .col(uuid("org_id"))
        .col(big_integer("line"))
        .col(integer("column_number"))
        .col(text("header"))
        .col(text("text"))
        .primary_key(Index::create().col("import_id").col("place"))
        .to_owned();
    manager.create_table(error).await
}

async fn erasures(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let erasure = Table::create()
        .table("erasure")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("customer_id"))
        .col(uuid("unit_id"))
        .col(text("actor"))
        .col(text("reason"))
        .col(big_integer("at_us"))
        .col(text("items"))
        .col(big_integer("kept"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(erasure).await?;
    unique(manager, "erasure", &["customer_id"]).await?;
    index(manager, "erasure", &["org_id", "at_us", "id"]).await?;
    let tombstone = Table::create()
        .table("erased_subject")
        .col(uuid("org_id"))
        .col(small_integer("kind"))
        .col(bytes("hash"))
        .primary_key(Index::create().col("org_id").col("kind").col("hash"))
        .to_owned();
    manager.create_table(tombstone).await
}
