//! Triggers invite: what they look at, what came of them, and several invitations of one customer
//! to one campaign, each for an occasion of its own.

use kit::db::{Dialect, dialect_of};
use sea_orm::ConnectionTrait;
use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, integer, small_integer_null, text, uuid, uuid_null},
};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        rules(manager).await?;
        due(manager).await?;
        add(manager, "interaction", text("node").default("").take()).await?;
        occasions(manager).await
    }
}

/// Adds a column; SQLite takes one at a time.
async fn add(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: ColumnDef,
) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await
}

async fn run(manager: &SchemaManager<'_>, text: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(text).await.map(|_| ())
}

async fn rules(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "customer_trigger";
    add(manager, table, text("node").default("").take()).await?;
    add(manager, table, uuid_null("segment_id")).await?;
    for column in ["quiet_days", "yearly_max", "late_days"] {
        add(manager, table, integer(column).default(0).take()).await?;
    }
    Ok(())
}

async fn due(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = "due_trigger";
    add(manager, table, big_integer_null("arrive_us")).await?;
    add(manager, table, small_integer_null("outcome")).await?;
    add(manager, table, uuid_null("invitation_id")).await?;
    let waiting = "WHERE done_us IS NULL AND action = 1";
    run(manager, &format!("CREATE INDEX ix_due_trigger_waiting ON due_trigger (due_us) {waiting}"))
        .await?;
    let columns = "campaign_id, due_us, id";
    run(
        manager,
        &format!("CREATE INDEX ix_due_trigger_invite ON due_trigger ({columns}) {waiting}"),
    )
    .await
}

/// A release that does not know occasions goes on with the one that is the default.
async fn occasions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let none = match dialect_of(manager.get_connection()) {
        Dialect::Postgres => "'00000000-0000-0000-0000-000000000000'::uuid",
        Dialect::Sqlite => "X'00000000000000000000000000000000'",
    };
    let column = uuid("occasion").default(Expr::cust(none)).take();
    add(manager, "invitation", column).await?;
    run(manager, "DROP INDEX ux_invitation_campaign_id_customer_id").await?;
    run(
        manager,
        "CREATE UNIQUE INDEX ux_invitation_occasion \
         ON invitation (campaign_id, customer_id, occasion) WHERE customer_id IS NOT NULL",
    )
    .await
}
