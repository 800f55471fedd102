//! Tables for answers to questionnaires: cells, the vectors that statistics need, and what the
//! survey service tells of questionnaires and classes.

use analytics_domain::plan::Table as Cells;
use kit::db::schema::index;
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

/// The tables.
pub struct Answers;

impl MigrationName for Answers {
    fn name(&self) -> &str {
        "m20261122_000002_answers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Answers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == sea_orm::DbBackend::Postgres;
        manager.create_table(super::cells(Cells::Answers, postgres)).await?;
        for table in [answer_vector(), questionnaire_version(), customer_class()] {
            manager.create_table(table).await?;
        }
        let by_day = ["org_id", "questionnaire_id", "day", "site_id"];
        index(manager, "answer_vector", &by_day).await?;
        let second = "INSERT INTO apply_state (id, unsettled, checked_us) VALUES (2, 0, 0)";
        manager.get_connection().execute_unprepared(second).await?;
        Ok(())
    }
}

/// The answers of each response in one row. `holds` is how often its facts were asserted minus
/// how often they were taken back, so that order does not matter; a row at 0 is removed.
fn answer_vector() -> TableCreateStatement {
    Table::create()
        .table("answer_vector")
        .col(uuid("org_id"))
        .col(uuid("response_id"))
        .col(string("facts_hash"))
        .col(integer("holds"))
        .col(uuid("questionnaire_id"))
        .col(integer("version"))
        .col(integer("day"))
        .col(uuid("site_id"))
        .col(uuid("unit_id"))
        .col(uuid("staff_id"))
        .col(uuid("campaign_id"))
        .col(uuid("class_id"))
        .col(small_integer("channel"))
        .col(small_integer("suspect"))
        .col(small_integer("anonymous"))
        .col(text("answers"))
        .primary_key(Index::create().col("org_id").col("response_id").col("facts_hash"))
        .to_owned()
}

/// Countable items of published versions. They never change.
fn questionnaire_version() -> TableCreateStatement {
    Table::create()
        .table("questionnaire_version")
        .col(uuid("org_id"))
        .col(uuid("questionnaire_id"))
        .col(integer("version"))
        .col(text("definition"))
        .primary_key(Index::create().col("org_id").col("questionnaire_id").col("version"))
        .to_owned()
}

/// Customer classes as they were last told; `commit_us` says when.
fn customer_class() -> TableCreateStatement {
    Table::create()
        .table("customer_class")
        .col(uuid("org_id"))
        .col(uuid("class_id"))
        .col(text("name"))
        .col(double("weight"))
        .col(big_integer("commit_us"))
        .primary_key(Index::create().col("org_id").col("class_id"))
        .to_owned()
}
