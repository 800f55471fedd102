//! Schema of the auth database, the same for SQLite and PostgreSQL.

mod m0001_organisation;
mod m0002_access;
mod m0003_audit;

use sea_orm_migration::prelude::*;

/// All migrations in order, kit's own first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(m0001_organisation::Migration));
    all.push(Box::new(m0002_access::Migration));
    all.push(Box::new(m0003_audit::Migration));
    all
}

fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(named(table, columns)).await
}

async fn unique(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(named(table, columns).unique().take()).await
}

/// A unique index over the rows that fulfil a condition; both databases know it, the builder
/// does not.
async fn partial(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
    condition: &str,
) -> Result<(), DbErr> {
    let name = format!("ux_{table}_{}", columns.join("_"));
    let columns = columns.join(", ");
    let sql = format!("CREATE UNIQUE INDEX {name} ON {table} ({columns}) WHERE {condition}");
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

fn named(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.table(table).name(format!("ix_{table}_{}", columns.join("_")));
    for column in columns {
        index.col(*column);
    }
    index
}
