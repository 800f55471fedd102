//! What the database itself can take: the same rows into the same table with the same indexes,
//! many in a statement, by nothing but a client of the database.

mod postgres;
mod row;
mod sqlite;

use std::{sync::atomic::AtomicI64, time::Duration};

use uuid::Uuid;

use crate::{
    engine::{Database, Engine},
    error::Result,
    load::Slice,
    progress,
    stats::{Latencies, rate},
    suite::{AUTH_URI, Plan},
};

pub use row::{COLUMNS, COLUMNS_COUNT, RatingRow};

/// Rows of one commit.
pub const ROWS: usize = 1_000;
/// Devices that the rows come from, as many as the load has.
const DEVICES: u128 = 16;

/// A database with the schema of the device service and nothing in it.
pub struct Ceiling {
    engine: Engine,
    database: Database,
    rows: Rows,
    connections: usize,
}

/// Where new rows come from.
struct Rows {
    org: Uuid,
    template: Uuid,
    site: Uuid,
    sequence: AtomicI64,
}

/// What was found.
#[derive(Clone, Default)]
pub struct Found {
    /// Rows per second.
    pub rate: f64,
    /// Latency of a commit.
    pub latencies: Latencies,
}

/// An empty database with the schema that the device service gives itself: the service is
/// started on it once and stopped again.
pub async fn device_schema(plan: &Plan<'_>, purpose: &str, auth_uri: &str) -> Result<Database> {
    let database = plan.engine.fresh(purpose, plan.folder).await?;
    let peers = [(AUTH_URI, auth_uri.to_owned())];
    let label = format!("schema-{purpose}");
    plan.process("manyi-device", &label, &database.url, &peers).await?.stop().await?;
    Ok(database)
}

impl Ceiling {
    /// Makes the database, and finds the number of connections that does most on PostgreSQL,
    /// 2 or 4. SQLite has one writer.
    pub async fn prepare(
        plan: &Plan<'_>,
        auth_uri: &str,
        warm_up: Duration,
        probe: Duration,
    ) -> Result<Self> {
        let database = device_schema(plan, "ceiling", auth_uri).await?;
        let rows = Rows {
            org: Uuid::now_v7(),
            template: Uuid::now_v7(),
            site: Uuid::now_v7(),
            sequence: AtomicI64::new(1),
        };
        let engine = plan.engine.clone();
        let mut ceiling = Self { engine, database, rows, connections: 1 };
        if matches!(ceiling.engine, Engine::Postgres(_)) {
            let mut best = 0.0;
            for connections in [2, 4] {
                let found = ceiling.write(connections, Slice::now(warm_up, probe)).await?;
                progress::say(format_args!(
                    "ceiling with {connections} connections: {:.0} rows/s",
                    found.rate
                ));
                if found.rate > best {
                    best = found.rate;
                    ceiling.connections = connections;
                }
            }
        }
        Ok(ceiling)
    }

    /// Writes for the length of `slice`.
    pub async fn measure(&self, slice: Slice) -> Result<Found> {
        self.write(self.connections, slice).await
    }

    async fn write(&self, connections: usize, slice: Slice) -> Result<Found> {
        let (rows, latencies) = match &self.engine {
            Engine::Sqlite => sqlite::write(&self.database.url, &self.rows, slice).await?,
            Engine::Postgres(_) => {
                postgres::write(&self.database.url, connections, &self.rows, slice).await?
            }
        };
        Ok(Found { rate: rate(rows, slice.length()), latencies })
    }

    /// What it is, in words.
    pub fn describe(&self) -> String {
        match self.engine {
            Engine::Sqlite => format!("raw multi-row INSERT, {ROWS} rows a commit, synced"),
            Engine::Postgres(_) => {
                format!("raw UNNEST of {ROWS} rows, {} connections", self.connections)
            }
        }
    }

    /// Removes the database.
    pub async fn end(self) -> Result<()> {
        self.database.remove().await
    }
}
