//! Schema of the survey database, the same for SQLite and PostgreSQL.

mod m0001_questionnaires;
mod m0002_customers;
mod m0003_fieldwork;
mod m0004_responses;
mod m0005_triggers;
mod m0006_claims;

use sea_orm_migration::prelude::*;

/// All migrations in order, kit's own first.
pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(m0001_questionnaires::Migration));
    all.push(Box::new(m0002_customers::Migration));
    all.push(Box::new(m0003_fieldwork::Migration));
    all.push(Box::new(m0004_responses::Migration));
    all.push(Box::new(m0005_triggers::Migration));
    all.push(Box::new(m0006_claims::Migration));
    all
}
