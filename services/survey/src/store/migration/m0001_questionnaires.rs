//! Questionnaires and their versions.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, small_integer, text, uuid},
};

use kit::db::schema::index;

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        questionnaire(manager).await?;
        questionnaire_version(manager).await
    }
}

async fn questionnaire(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("questionnaire")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("unit_id"))
        // Titles alone, as JSON, for lists; and as lines of text, for searching.
        .col(text("title"))
        .col(text("title_text"))
        .col(text("definition"))
        .col(text("hash"))
        .col(small_integer("state"))
        .col(integer("version"))
        .col(text("published_hash"))
        .col(big_integer("revision"))
        .col(text("copied_from"))
        .col(big_integer("create_us"))
        .col(big_integer("change_us"))
        .col(big_integer_null("close_us"))
        .col(big_integer_null("delete_us"))
        .primary_key(Index::create().col("id"))
        .to_owned();
    manager.create_table(table).await?;
    index(manager, "questionnaire", &["org_id", "create_us", "id"]).await
}

async fn questionnaire_version(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("questionnaire_version")
        .col(uuid("questionnaire_id"))
        .col(integer("version"))
        .col(uuid("org_id"))
        .col(text("title"))
        .col(text("definition"))
        .col(text("hash"))
        .col(big_integer("publish_us"))
        .col(text("publisher"))
        .col(text("note"))
        .primary_key(Index::create().col("questionnaire_id").col("version"))
        .to_owned();
    manager.create_table(table).await
}
