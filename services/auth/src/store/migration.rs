//! Schema of the auth database, the same for SQLite and PostgreSQL.

mod m0001_organisation;
mod m0002_access;
mod m0003_audit;
mod m0004_history;
mod m0005_zones;

use sea_orm_migration::prelude::*;

/// All migrations in order, kit's own first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(m0001_organisation::Migration));
    all.push(Box::new(m0002_access::Migration));
    all.push(Box::new(m0003_audit::Migration));
    all.push(Box::new(m0004_history::Migration));
    all.push(Box::new(m0005_zones::Migration));
    all
}
