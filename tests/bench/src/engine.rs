//! The databases to measure on, and fresh ones of each.

use std::{
    path::{Path, PathBuf},
    process::Command,
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::error::{During, Error, Result};

/// Environment variable with the URL of a PostgreSQL server to use.
const SERVER: &str = "MANYI_TEST_POSTGRES";
/// The script that starts and stops throw-away servers.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres.sh");

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A kind of database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// Files.
    Sqlite,
    /// A server; the URL of its administrative database.
    Postgres(String),
}

impl Engine {
    /// Name for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Its version.
    pub async fn version(&self) -> Result<String> {
        let during = "asking for the version of the database";
        match self {
            Self::Sqlite => {
                let mut conn = SqliteConnectOptions::from_str("sqlite::memory:")
                    .during(during)?
                    .connect()
                    .await
                    .during(during)?;
                let version: String = sqlx::query_scalar("SELECT sqlite_version()")
                    .fetch_one(&mut conn)
                    .await
                    .during(during)?;
                Ok(version)
            }
            Self::Postgres(server) => {
                let mut conn = postgres(server).await?;
                let version: String = sqlx::query_scalar("SHOW server_version")
                    .fetch_one(&mut conn)
                    .await
                    .during(during)?;
                Ok(version)
            }
        }
    }

    /// URL of a fresh database for `purpose`, whose files are in `folder` if it has files.
    pub async fn fresh(&self, purpose: &str, folder: &Path) -> Result<Database> {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        match self {
            Self::Sqlite => {
                let file = folder.join(format!("{purpose}-{number}.db"));
                Ok(Database { url: format!("sqlite://{}", file.display()), server: None })
            }
            Self::Postgres(server) => {
                let name = format!("bench_{}_{purpose}_{number}", std::process::id());
                let mut conn = postgres(server).await?;
                sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .execute(&mut conn)
                    .await
                    .during("creating a database")?;
                let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base);
                let url = format!("{base}/{name}");
                Ok(Database { url, server: Some((server.clone(), name)) })
            }
        }
    }
}

/// A database of this run. It goes with the run's folder or server; [`Database::remove`] gives
/// its disk space back before.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its URL.
    pub url: String,
    server: Option<(String, String)>,
}

impl Database {
    /// Gives PostgreSQL the statistics that it makes by itself sooner or later: plans on a
    /// table without them say nothing about a server that has run for an hour.
    pub async fn analyze(&self) -> Result<()> {
        if self.server.is_some() {
            let mut conn = postgres(&self.url).await?;
            sqlx::raw_sql("ANALYZE").execute(&mut conn).await.during("making statistics")?;
        }
        Ok(())
    }

    /// Removes it. Nobody may use it any more.
    pub async fn remove(self) -> Result<()> {
        if let Some((server, name)) = self.server {
            let mut conn = postgres(&server).await?;
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let done = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut conn).await;
            done.during("dropping a database")?;
        } else if let Some(path) = self.url.strip_prefix("sqlite://") {
            for suffix in ["", "-wal", "-shm"] {
                // A file that is gone already is what is wanted.
                let _ = std::fs::remove_file(format!("{path}{suffix}"));
            }
        }
        Ok(())
    }
}

/// A connection to PostgreSQL.
pub async fn postgres(url: &str) -> Result<PgConnection> {
    let during = "connecting to PostgreSQL";
    PgConnectOptions::from_str(url).during(during)?.connect().await.during(during)
}

/// A connection to a SQLite file with the settings of the services: write-ahead log, every
/// commit synced.
pub async fn sqlite(url: &str) -> Result<SqliteConnection> {
    let during = "opening a SQLite file";
    SqliteConnectOptions::from_str(url)
        .during(during)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "4000")
        .pragma("cache_size", "-16000")
        .connect()
        .await
        .during(during)
}

/// A PostgreSQL server to measure on.
pub struct Server {
    /// URL of its administrative database.
    pub url: String,
    /// Folder of the server that this run started.
    folder: Option<PathBuf>,
}

impl Server {
    /// The one that the environment names, else a throw-away one.
    pub fn find() -> Result<Self> {
        if let Ok(url) = std::env::var(SERVER) {
            return Ok(Self { url, folder: None });
        }
        let failed = |text: String| Error::program("postgres.sh", text);
        let output = Command::new(SCRIPT).arg("start").output();
        let output = output.map_err(|e| failed(format!("did not start: {e}")))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = |name: &str| {
            let prefix = format!("export {name}=");
            text.lines().find_map(|line| line.strip_prefix(&prefix)).map(str::to_owned)
        };
        match (value(SERVER), value("MANYI_TEST_POSTGRES_DIR")) {
            (Some(url), Some(folder)) => Ok(Self { url, folder: Some(folder.into()) }),
            _ => Err(failed(String::from_utf8_lossy(&output.stderr).into_owned())),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            let stopped = Command::new(SCRIPT).arg("stop").arg(&folder).status();
            if !stopped.is_ok_and(|status| status.success()) {
                crate::progress::say(format_args!("{} was not stopped", folder.display()));
            }
        }
    }
}
