//! Plans, campaigns, samples, invitations and the counts of fieldwork.

use kit::db::schema::{index, partial};
use sea_orm::ConnectionTrait;
use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, double, integer, small_integer, text, text_null,
        uuid, uuid_null,
    },
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        plan(manager).await?;
        campaign(manager).await?;
        campaign_quota(manager).await?;
        sample(manager).await?;
        invitation(manager).await?;
        invitation_event(manager).await?;
        open_link(manager).await?;
        fieldwork_count(manager).await?;
        lease(manager).await
    }
}

/// An index over the rows that fulfil a condition; what is done with is not in it.
async fn some(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &str,
    condition: &str,
) -> Result<(), DbErr> {
    let name = format!("ix_{table}_{}", columns.replace(", ", "_"));
    let sql = format!("CREATE INDEX {name} ON {table} ({columns}) WHERE {condition}");
    manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
}

async fn plan(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("plan")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(text("display_name"))
        .col(text("calendar"))
        .col(text_null("template"))
        .col(text("time_zone"))
        .col(integer("round"))
        .col(big_integer_null("next_us"))
        .col(big_integer("create_us"))
        .col(big_integer_null("retire_us"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "plan", &["org_id", "create_us", "id"]).await?;
    some(manager, "plan", "next_us", "next_us IS NOT NULL").await?;
    let table = Table::create()
        .table("plan_round")
        .col(uuid("plan_id"))
        .col(integer("round"))
        .col(uuid("org_id"))
        .col(integer("date"))
        .col(uuid_null("campaign_id"))
        .col(text("steps"))
        .col(text("outcome"))
        .primary_key(Index::create().col("plan_id").col("round"))
        .to_owned();
    manager.create_table(table).await
}

async fn campaign(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        .col(uuid("questionnaire_id"))
        .col(uuid_null("plan_id"))
        .col(integer("round"))
        .col(small_integer("state"))
        .col(text("settings"))
        .col(text("time_zone"))
        .col(big_integer_null("auto_open_us"))
        .col(text("open_problem"))
        .col(big_integer_null("work_us"))
        .col(big_integer("create_us"))
        .col(big_integer_null("end_us"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "campaign", &["org_id", "create_us", "id"]).await?;
    index(manager, "campaign", &["questionnaire_id"]).await?;
    some(manager, "campaign", "plan_id, round", "plan_id IS NOT NULL").await?;
    some(manager, "campaign", "work_us", "work_us IS NOT NULL").await
}

async fn campaign_quota(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("campaign_quota")
        .col(uuid("campaign_id"))
        .col(small_integer("kind"))
        .col(uuid("group_id"))
        .col(uuid("org_id"))
        .col(integer("quota_limit"))
        .col(integer("filled"))
        .primary_key(Index::create().col("campaign_id").col("kind").col("group_id"))
        .to_owned();
    manager.create_table(table).await
}

async fn sample(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("sample")
        .col(uuid("campaign_id"))
        .col(uuid("org_id"))
        .col(text("body"))
        .col(big_integer("draw_us"))
        .primary_key(Index::create().col("campaign_id"))
        .to_owned();
    manager.create_table(table).await?;
    let table = Table::create()
        .table("sample_exclusion")
        .col(uuid("campaign_id"))
        .col(uuid("customer_id"))
        .col(uuid("org_id"))
        .col(small_integer("reason"))
        .col(uuid_null("last_campaign_id"))
        .col(big_integer_null("last_us"))
        .primary_key(Index::create().col("campaign_id").col("customer_id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "sample_exclusion", &["campaign_id", "reason", "customer_id"]).await?;
    index(manager, "sample_exclusion", &["customer_id"]).await
}

async fn invitation(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("invitation")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("campaign_id"))
        .col(uuid_null("customer_id"))
        .col(uuid("unit_id"))
        .col(uuid_null("class_id"))
        .col(text("segments"))
        .col(small_integer("channel"))
        .col(small_integer("state"))
        .col(small_integer("reached"))
        .col(boolean("tried"))
        .col(integer("attempt"))
        .col(integer("handed"))
        .col(big_integer_null("due_us"))
        .col(big_integer_null("remind_us"))
        .col(big_integer_null("queue_us"))
        .col(boolean("sampled"))
        .col(uuid_null("stratum_id"))
        .col(double("design_weight"))
        .col(text("note"))
        .col(big_integer("create_us"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "invitation", &["campaign_id", "id"]).await?;
    index(manager, "invitation", &["campaign_id", "state", "id"]).await?;
    partial(manager, "invitation", &["campaign_id", "customer_id"], "customer_id IS NOT NULL")
        .await?;
    some(
        manager,
        "invitation",
        "org_id, customer_id, queue_us",
        "customer_id IS NOT NULL AND queue_us IS NOT NULL",
    )
    .await?;
    some(manager, "invitation", "campaign_id, due_us, id", "due_us IS NOT NULL").await?;
    some(manager, "invitation", "remind_us", "remind_us IS NOT NULL").await
}

async fn invitation_event(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("invitation_event")
        .col(uuid("invitation_id"))
        .col(big_integer("number"))
        .col(uuid("org_id"))
        .col(small_integer("state"))
        .col(big_integer("time_us"))
        .col(integer("attempt"))
        .col(small_integer("outcome"))
        .col(text("reporter"))
        .col(text("note"))
        .col(text_null("attempt_key"))
        .primary_key(Index::create().col("invitation_id").col("number"))
        .to_owned();
    manager.create_table(table).await?;
    let columns = ["invitation_id", "attempt_key"];
    partial(manager, "invitation_event", &columns, "attempt_key IS NOT NULL").await
}

async fn open_link(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("open_link")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("campaign_id"))
        .col(uuid("unit_id"))
        .col(text("display_name"))
        .col(small_integer("channel"))
        .col(integer("minute_max"))
        .col(integer("browser_max"))
        .col(big_integer("create_us"))
        .col(big_integer_null("revoke_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "open_link", &["campaign_id", "id"]).await
}

/// Counts in several slots, so that answers at the same time seldom wait for one row.
async fn fieldwork_count(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let key = ["campaign_id", "dimension", "item", "measure", "slot"];
    let mut primary = Index::create();
    for column in key {
        primary.col(column);
    }
    let table = Table::create()
        .table("fieldwork_count")
        .col(uuid("campaign_id"))
        .col(small_integer("dimension"))
        .col(text("item"))
        .col(small_integer("measure"))
        .col(small_integer("slot"))
        .col(uuid("org_id"))
        .col(big_integer("count"))
        .primary_key(&mut primary)
        .to_owned();
    manager.create_table(table).await
}

async fn lease(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("fieldwork_lease")
        .col(text("name"))
        .col(uuid("holder"))
        .col(big_integer("until_us"))
        .primary_key(Index::create().col("name"))
        .to_owned();
    manager.create_table(table).await
}
