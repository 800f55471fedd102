//! Opens a service's own database. The only place that knows that there are two dialects,
//! besides the one writer that needs raw SQL.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqlxPostgresConnector, SqlxSqliteConnector, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf};
use sqlx::{
    Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    },
};
use tonic::Code;

use crate::error::{Result, ServiceError};

pub mod bulk;
mod migration;
pub mod newest;
pub mod pieces;
pub mod placed;
pub mod schema;
pub mod sql;

pub use migration::migrations;

/// Most connections of one process to PostgreSQL.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// Reading connections to a SQLite file; there is one more that writes.
const SQLITE_READERS_MAX: u32 = 8;
/// How long a request waits for a connection before it is told to try again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a file is tried again that another process is just beginning.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// How long a SQLite connection for reading whole tables is kept without work.
const BULK_IDLE: Duration = Duration::from_secs(60);
/// Rows that SQLite's thread reads ahead of whoever takes them from there: fewer changes of
/// threads than with the usual 50.
const BULK_ROWS: usize = 256;
/// Settings of connections to PostgreSQL; what the URL sets otherwise, with
/// `?options[statement_timeout]=60s`, stands.
const POSTGRES_SETTINGS: [(&str, &str); 4] = [
    // The server goes on with a statement that nobody waits for any more. Twice the longest
    // deadline of a call; upkeep lifts it, see [`WriteTx::take_time`] and [`Db::maintain`].
    ("statement_timeout", "30s"),
    // A forgotten transaction would hold back every reader of the feed.
    ("idle_in_transaction_session_timeout", "30s"),
    ("lock_timeout", "10s"),
    // A plan made while a table was still empty would be kept for the connection's life.
    ("plan_cache_mode", "force_custom_plan"),
];
/// Advisory lock that serialises migrations of replicas that start together.
const MIGRATION_LOCK: i64 = 0x6d61_6e79_6901;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded; one process, one writer.
    Sqlite,
    /// Served; several replicas, several writers.
    Postgres,
}

/// A service's own database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    read: DatabaseConnection,
    bulk: DatabaseConnection,
    write: DatabaseConnection,
    dialect: Dialect,
}

impl Db {
    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// For reading outside of a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For reading whole tables page by page, as exports do. On SQLite this is a connection of its
    /// own: long readings wait for each other and not for requests, and their pages pass through
    /// one cache instead of pushing out of all readers' caches what requests need.
    pub fn bulk(&self) -> &DatabaseConnection {
        &self.bulk
    }

    /// Begins a writing transaction. Until it ends use only the transaction: with an
    /// in-memory database there is no second connection to wait for.
    pub async fn begin(&self) -> Result<WriteTx> {
        // Without IMMEDIATE a SQLite transaction that reads first cannot become a writer
        // when another one wrote meanwhile.
        let immediate = Some(sea_orm::SqliteTransactionMode::Immediate);
        let options = TransactionOptions {
            sqlite_transaction_mode: immediate.filter(|_| self.dialect == Dialect::Sqlite),
            ..Default::default()
        };
        Ok(WriteTx { tx: self.write.begin_with_options(options).await? })
    }

    /// Runs upkeep that no transaction may hold, such as VACUUM, for as long as it takes: on
    /// PostgreSQL on a connection of its own. `sql` is a statement of the program itself.
    pub async fn maintain(&self, sql: &str) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            self.write.execute_unprepared(sql).await?;
            return Ok(());
        }
        let pool = self.read.get_postgres_connection_pool();
        let mut conn = pool.acquire().await.map_err(failed)?.detach();
        for sql in ["SET statement_timeout = 0", sql] {
            let sql = sqlx::AssertSqlSafe(sql.to_owned());
            sqlx::raw_sql(sql).execute(&mut conn).await.map_err(failed)?;
        }
        conn.close().await.map_err(failed)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.read.ping().await?)
    }
}

/// A writing transaction; dropped without commit it is undone.
#[derive(Debug)]
pub struct WriteTx {
    tx: DatabaseTransaction,
}

impl WriteTx {
    /// The connection for statements of this transaction.
    pub fn conn(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Lets statements of this transaction take as long as they need: for upkeep of whole
    /// tables, which nobody waits for.
    pub async fn take_time(&self) -> Result<()> {
        if dialect_of(&self.tx) == Dialect::Postgres {
            self.tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        Ok(())
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<()> {
        Ok(self.tx.commit().await?)
    }
}

/// Opens `url` (`sqlite::memory:`, `sqlite://path`, `postgres://…`), creates what is missing
/// and brings the schema up to date. Any number of replicas may do so at once.
pub async fn open(url: &str, migrations: fn() -> Vec<Box<dyn MigrationTrait>>) -> Result<Db> {
    let db = if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        open_postgres(url)?
    } else if url.starts_with("sqlite:") {
        open_sqlite(url).await?
    } else {
        return Err(ServiceError::invalid("database_url", "starts with sqlite: or postgres:"));
    };
    migrate(&db, migrations).await?;
    Ok(db)
}

fn failed(error: sqlx::Error) -> ServiceError {
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())).into()
}

async fn open_sqlite(url: &str) -> Result<Db> {
    let memory = url.contains(":memory:");
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| ServiceError::invalid("database_url", error.to_string()))?
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged rating must survive a power cut; grouped commits make this free.
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "4000")
        .pragma("cache_size", "-16000");
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE_TIMEOUT)
    };
    let write = connect_first(|| pool(1).connect_with(options.clone())).await?;
    let write = SqlxSqliteConnector::from_sqlx_sqlite_pool(write);
    if memory {
        let (read, bulk) = (write.clone(), write.clone());
        return Ok(Db { read, bulk, write, dialect: Dialect::Sqlite });
    }
    let readers = pool(SQLITE_READERS_MAX).connect_with(options.clone()).await.map_err(failed)?;
    let read = SqlxSqliteConnector::from_sqlx_sqlite_pool(readers);
    // Opened when it is needed, and given up with its cache a while later.
    let options = options.row_buffer_size(BULK_ROWS);
    let bulk = pool(1).min_connections(0).idle_timeout(BULK_IDLE).connect_lazy_with(options);
    let bulk = SqlxSqliteConnector::from_sqlx_sqlite_pool(bulk);
    Ok(Db { read, bulk, write, dialect: Dialect::Sqlite })
}

/// The first connection to a SQLite file, which makes it keep a log. While several processes do
/// that to a new file, SQLite refuses all but one at once and does not wait its busy timeout.
async fn connect_first<F>(connect: impl Fn() -> F) -> Result<SqlitePool>
where
    F: Future<Output = std::result::Result<SqlitePool, sqlx::Error>>,
{
    let until = Instant::now() + ACQUIRE_TIMEOUT;
    loop {
        match connect().await.map_err(failed) {
            Err(error) if error.code() == Code::Aborted && Instant::now() < until => {
                tokio::time::sleep(FIRST_PAUSE).await;
            }
            ended => return ended,
        }
    }
}

fn open_postgres(url: &str) -> Result<Db> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|error| ServiceError::invalid("database_url", error.to_string()))?;
    let given = options.get_options().unwrap_or_default().to_owned();
    let ours = POSTGRES_SETTINGS.into_iter();
    let options = options.options(ours.filter(|(name, _)| !given.contains(&format!(" {name}="))));
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .max_lifetime(Duration::from_secs(1800))
        .connect_lazy_with(options);
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    let (read, bulk) = (connection.clone(), connection.clone());
    Ok(Db { read, bulk, write: connection, dialect: Dialect::Postgres })
}

struct Migrator(fn() -> Vec<Box<dyn MigrationTrait>>);

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        (self.0)()
    }
}

/// All pending migrations in one locked transaction: two replicas never apply the same one,
/// and a crash leaves nothing half done.
async fn migrate(db: &Db, migrations: fn() -> Vec<Box<dyn MigrationTrait>>) -> Result<()> {
    let tx = db.begin().await?;
    tx.take_time().await?;
    if db.dialect == Dialect::Postgres {
        let lock = format!(
            "SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
        );
        tx.conn().execute_unprepared(&lock).await?;
    }
    Migrator(migrations).up(tx.conn(), None).await?;
    tx.commit().await
}

/// The dialect of any connection or transaction.
pub fn dialect_of(conn: &impl ConnectionTrait) -> Dialect {
    match conn.get_database_backend() {
        DbBackend::Postgres => Dialect::Postgres,
        _ => Dialect::Sqlite,
    }
}

/// Options for a plain connection to `url` without a schema, for administration.
pub fn plain(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).max_connections(1);
    options
}
