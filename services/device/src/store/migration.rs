//! Schema of the device database, the same for SQLite and PostgreSQL.

mod m0001_devices;
mod m0002_service;
mod m0003_ratings;
mod m0004_sequences;

use sea_orm_migration::prelude::*;

/// All migrations in order, kit's own first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(m0001_devices::Migration));
    all.push(Box::new(m0002_service::Migration));
    all.push(Box::new(m0003_ratings::Migration));
    all.push(Box::new(m0004_sequences::Migration));
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

fn named(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.table(table).name(format!("ix_{table}_{}", columns.join("_")));
    for column in columns {
        index.col(*column);
    }
    index
}
