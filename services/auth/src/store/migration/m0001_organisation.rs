//! Organisations, their units and the people in them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, small_integer, text, uuid, uuid_null},
};

use kit::db::schema::{index, partial, unique};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [organisation(), unit(), user(), staff()] {
            manager.create_table(table).await?;
        }
        unique(manager, "organisation", &["slug"]).await?;
        index(manager, "unit", &["org_id", "parent_id"]).await?;
        partial(manager, "unit", &["parent_id", "display_name"], "valid_to_us IS NULL").await?;
        partial(manager, "unit", &["org_id", "code"], "valid_to_us IS NULL AND code <> ''").await?;
        unique(manager, "user_account", &["org_id", "login_key"]).await?;
        unique(manager, "staff", &["org_id", "staff_number"]).await?;
        index(manager, "staff", &["org_id", "unit_id"]).await?;
        partial(
            manager,
            "staff",
            &["org_id", "user_id"],
            "user_id IS NOT NULL AND retire_us IS NULL",
        )
        .await?;
        Ok(())
    }
}

fn organisation() -> TableCreateStatement {
    Table::create()
        .table("organisation")
        .col(uuid("id"))
        .col(text("slug"))
        .col(text("display_name"))
        .col(text("time_zone"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn unit() -> TableCreateStatement {
    Table::create()
        .table("unit")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid_null("parent_id"))
        .col(small_integer("kind"))
        .col(text("display_name"))
        .col(text("code"))
        .col(text("time_zone"))
        .col(text("opening_hours"))
        .col(big_integer("valid_from_us"))
        .col(big_integer_null("valid_to_us"))
        .col(big_integer("move_us"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn user() -> TableCreateStatement {
    Table::create()
        .table("user_account")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("login"))
        .col(text("login_key"))
        .col(text("display_name"))
        .col(uuid("unit_id"))
        .col(text("language"))
        .col(boolean("disabled"))
        .col(text("password_hash"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn staff() -> TableCreateStatement {
    Table::create()
        .table("staff")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("staff_number"))
        .col(text("display_name"))
        .col(uuid("unit_id"))
        .col(uuid_null("user_id"))
        .col(big_integer_null("retire_us"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}
