//! Roles, credentials, sessions and keys.

use sea_orm_migration::{
    prelude::*,
    schema::{
        big_integer, big_integer_null, boolean, integer, small_integer, text, uuid, uuid_null,
    },
};

use kit::db::schema::{bytes, index, partial, unique};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in
            [role(), grant(), client(), session(), refresh_token(), signing_key(), login_failure()]
        {
            manager.create_table(table).await?;
        }
        unique(manager, "role_grant", &["org_id", "user_id", "role_id", "unit_id"]).await?;
        index(manager, "role_grant", &["org_id", "role_id"]).await?;
        index(manager, "client", &["org_id", "id"]).await?;
        partial(
            manager,
            "client",
            &["org_id", "device_id"],
            "revoke_us IS NULL AND device_id IS NOT NULL",
        )
        .await?;
        index(manager, "session", &["org_id", "user_id"]).await?;
        index(manager, "refresh_token", &["session_id"]).await?;
        Ok(())
    }
}

fn role() -> TableCreateStatement {
    Table::create()
        .table("role")
        .col(uuid("org_id"))
        .col(uuid("id"))
        .col(text("display_name"))
        .col(text("permissions"))
        .col(boolean("built_in"))
        .col(big_integer("version"))
        .primary_key(Index::create().col("org_id").col("id"))
        .to_owned()
}

fn grant() -> TableCreateStatement {
    Table::create()
        .table("role_grant")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("user_id"))
        .col(uuid("role_id"))
        .col(uuid("unit_id"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn client() -> TableCreateStatement {
    Table::create()
        .table("client")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(text("display_name"))
        .col(small_integer("kind"))
        .col(uuid("unit_id"))
        .col(text("scopes"))
        .col(uuid_null("device_id"))
        .col(bytes("secret_hash"))
        .col(big_integer_null("revoke_us"))
        .col(big_integer_null("seen_us"))
        .col(big_integer("version"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn session() -> TableCreateStatement {
    Table::create()
        .table("session")
        .col(uuid("id"))
        .col(uuid("org_id"))
        .col(uuid("user_id"))
        .col(big_integer("create_us"))
        .col(big_integer("refresh_us"))
        .col(big_integer("expire_us"))
        .col(big_integer_null("revoke_us"))
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn refresh_token() -> TableCreateStatement {
    Table::create()
        .table("refresh_token")
        .col(bytes("hash"))
        .col(uuid("org_id"))
        .col(uuid("session_id"))
        .col(big_integer("create_us"))
        .col(big_integer_null("used_us"))
        .col(boolean("repeated"))
        .primary_key(Index::create().col("hash"))
        .to_owned()
}

fn signing_key() -> TableCreateStatement {
    Table::create()
        .table("signing_key")
        .col(text("kid"))
        .col(bytes("public_key"))
        .col(bytes("sealed"))
        .col(big_integer("active_us"))
        .col(big_integer("create_us"))
        .primary_key(Index::create().col("kid"))
        .to_owned()
}

fn login_failure() -> TableCreateStatement {
    Table::create()
        .table("login_failure")
        .col(bytes("account"))
        .col(uuid("org_id"))
        .col(integer("count"))
        .col(big_integer("since_us"))
        .col(big_integer("blocked_until_us"))
        .primary_key(Index::create().col("account"))
        .to_owned()
}
