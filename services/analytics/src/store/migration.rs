//! The tables of this service. Numbers of counts are `bigint`; ids nil and texts empty stand
//! for "none", since keys hold no nulls.

use analytics_domain::plan::Table as Cells;
use sea_orm_migration::{MigrationTrait, prelude::*, schema::*};

mod alerts;
mod answers;
mod indices;
mod packs;
mod placements;
mod settings;
mod years;

use super::tables::{self, Kind};

/// Kit's migrations and those of this service.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = kit::db::migrations();
    all.push(Box::new(M20261122Cells));
    all.push(Box::new(answers::Answers));
    all.push(Box::new(indices::Indices));
    all.push(Box::new(settings::Settings));
    all.push(Box::new(placements::Placements));
    all.push(Box::new(alerts::Alerts));
    all.push(Box::new(packs::Packs));
    all.push(Box::new(years::Years));
    all
}

struct M20261122Cells;

impl MigrationName for M20261122Cells {
    fn name(&self) -> &str {
        "m20261122_000001_cells"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for M20261122Cells {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let postgres = manager.get_database_backend() == sea_orm::DbBackend::Postgres;
        for table in [Cells::Quarter, Cells::SiteDay, Cells::Day] {
            manager.create_table(cells(table, postgres)).await?;
        }
        for column in ["window_id", "staff_id"] {
            manager.create_index(detail_index(column)).await?;
        }
        for table in [site_zone(), template(), parked_group(), apply_state()] {
            manager.create_table(table).await?;
        }
        let first = "INSERT INTO apply_state (id, unsettled, checked_us) VALUES (1, 0, 0)";
        manager.get_connection().execute_unprepared(first).await?;
        Ok(())
    }
}

fn cells(table: Cells, postgres: bool) -> TableCreateStatement {
    let mut create = Table::create();
    let mut key = Index::create();
    create.table(tables::name(table));
    for (name, kind) in tables::keys(table) {
        key.col(*name);
        create.col(match kind {
            Kind::Uuid => uuid(*name),
            Kind::Int => integer(*name),
            Kind::Small => small_integer(*name),
            Kind::Text => text(*name),
        });
    }
    for name in tables::count_columns(table) {
        create.col(big_integer(name).default(0));
    }
    create.primary_key(&mut key);
    // Rows are updated often and read by ranges of the key: room for updates in place on
    // PostgreSQL, rows inside of the index on SQLite.
    create.extra(if postgres { "WITH (fillfactor = 80)" } else { "WITHOUT ROWID" });
    create
}

/// For a single window or staff member, whose site may have changed over time.
fn detail_index(column: &'static str) -> IndexCreateStatement {
    Index::create()
        .name(format!("cell_day_{column}"))
        .table(tables::name(Cells::Day))
        .col("org_id")
        .col(column)
        .col("time")
        .to_owned()
}

/// The zone in which a site's days are kept, fixed when the site is first seen.
fn site_zone() -> TableCreateStatement {
    Table::create()
        .table("site_zone")
        .col(uuid("org_id"))
        .col(uuid("site_id"))
        .col(string("zone"))
        .primary_key(Index::create().col("org_id").col("site_id"))
        .to_owned()
}

/// Definitions of templates, as far as figures need them.
fn template() -> TableCreateStatement {
    Table::create()
        .table("template")
        .col(uuid("org_id"))
        .col(uuid("template_id"))
        .col(text("definition"))
        .primary_key(Index::create().col("org_id").col("template_id"))
        .to_owned()
}

/// Groups that could not be applied.
fn parked_group() -> TableCreateStatement {
    Table::create()
        .table("parked_group")
        .col(string("source"))
        .col(uuid("group_id"))
        .col(string("position"))
        .col(big_integer("commit_us"))
        .col(text("error"))
        .col(binary("events"))
        .primary_key(Index::create().col("source").col("group_id"))
        .to_owned()
}

/// One row for each feed: locked by whoever applies it.
fn apply_state() -> TableCreateStatement {
    Table::create()
        .table("apply_state")
        .col(small_integer("id").primary_key())
        .col(small_integer("unsettled"))
        .col(big_integer("checked_us"))
        .to_owned()
}
