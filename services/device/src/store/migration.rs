//! Schema of the device database, the same for SQLite and PostgreSQL.

mod m0001_devices;
mod m0002_service;
mod m0003_ratings;
mod m0004_sequences;
mod m0005_placed;

use sea_orm_migration::prelude::*;

/// All migrations in order, kit's own first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(m0001_devices::Migration));
    all.push(Box::new(m0002_service::Migration));
    all.push(Box::new(m0003_ratings::Migration));
    all.push(Box::new(m0004_sequences::Migration));
    all.push(Box::new(m0005_placed::Migration));
    all
}
