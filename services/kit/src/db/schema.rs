//! Words of the services' migrations: columns and indexes that come again in every schema.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::prelude::{ColumnDef, Index, IndexCreateStatement, SchemaManager};

/// A column of bytes that is never empty.
pub fn bytes(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).blob().not_null().take()
}

/// Creates an index named after its table and columns.
pub async fn index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(named(table, columns)).await
}

/// Creates a unique index named after its table and columns.
pub async fn unique(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    manager.create_index(named(table, columns).unique().take()).await
}

/// Creates a unique index over the rows that fulfil a condition; both databases know it, the
/// builder does not.
pub async fn partial(
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

/// An index over columns of a table, named `ix_TABLE_COLUMNS`, to be changed further.
pub fn named(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.table(table).name(format!("ix_{table}_{}", columns.join("_")));
    for column in columns {
        index.col(*column);
    }
    index
}
