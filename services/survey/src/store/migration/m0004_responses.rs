//! Responses, unfinished ones, and what bounds how many come from one place.

use kit::db::{
    Dialect, dialect_of,
    schema::{bytes, index},
};
use sea_orm::ConnectionTrait;
use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, integer, small_integer, text, text_null, uuid,
        uuid_null,
    },
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        response(manager).await?;
        response_draft(manager).await?;
        respondent_key(manager).await?;
        respondent_window(manager).await?;
        respondent_browser(manager).await
    }
}

/// Creates a table whose rows lie in the order of their key and in no other. SQLite numbers the
/// rows of other tables in the order of their arrival, and that order could be compared with
/// the order in which invitations were answered.
async fn create_in_key_order(
    manager: &SchemaManager<'_>,
    table: TableCreateStatement,
) -> Result<(), DbErr> {
    let conn = manager.get_connection();
    match dialect_of(conn) {
        Dialect::Postgres => manager.create_table(table).await,
        Dialect::Sqlite => {
            let text = table.to_string(SqliteQueryBuilder);
            conn.execute_unprepared(&format!("{text} WITHOUT ROWID")).await.map(|_| ())
        }
    }
}

async fn response(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("response")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("campaign_id"))
        .col(uuid("questionnaire_id"))
        .col(integer("version"))
        .col(uuid("unit_id"))
        .col(uuid("site_id"))
        .col(uuid_null("staff_id"))
        .col(uuid_null("customer_id"))
        .col(uuid_null("class_id"))
        .col(uuid_null("invitation_id"))
        .col(uuid_null("link_id"))
        .col(boolean("invited"))
        .col(small_integer("channel"))
        .col(text("language"))
        .col(big_integer("submit_us"))
        .col(big_integer_null("duration_ms"))
        .col(big_integer("seed"))
        .col(text("answers"))
        .col(big_integer("content_hash"))
        .col(integer("marks"))
        .col(small_integer("decision"))
        .col(text_null("reviewer"))
        .col(big_integer_null("review_us"))
        .col(boolean("anonymous"))
        .col(text_null("operator"))
        .col(text_null("row_id"))
        .col(boolean("erased"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    create_in_key_order(manager, table).await?;
    index(manager, "response", &["org_id", "submit_us", "id"]).await?;
    index(manager, "response", &["campaign_id", "submit_us", "id"]).await?;
    index(manager, "response", &["customer_id"]).await
}

async fn response_draft(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("response_draft")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("campaign_id"))
        .col(uuid_null("invitation_id"))
        .col(uuid_null("customer_id"))
        .col(integer("version"))
        .col(text("language"))
        .col(big_integer("seed"))
        .col(big_integer("start_us"))
        .col(text("answers"))
        .col(big_integer("save_us"))
        .col(big_integer("expire_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    create_in_key_order(manager, table).await?;
    index(manager, "response_draft", &["expire_us"]).await?;
    index(manager, "response_draft", &["invitation_id"]).await?;
    index(manager, "response_draft", &["customer_id"]).await
}

async fn respondent_key(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("respondent_key")
        .col(big_integer("period"))
        .col(bytes("key"))
        .primary_key(Index::create().col("period"))
        .to_owned();
    manager.create_table(table).await
}

async fn respondent_window(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("respondent_window")
        .col(bytes("place"))
        .col(text("counts"))
        .col(big_integer("change_us"))
        .primary_key(Index::create().col("place"))
        .to_owned();
    create_in_key_order(manager, table).await?;
    index(manager, "respondent_window", &["change_us"]).await
}

async fn respondent_browser(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("respondent_browser")
        .col(bytes("browser"))
        .col(big_integer("period"))
        .col(integer("count"))
        .primary_key(Index::create().col("browser"))
        .to_owned();
    create_in_key_order(manager, table).await?;
    index(manager, "respondent_browser", &["period"]).await
}
