//! Work that one of several replicas does at a time: whoever holds the lease, a row in the
//! database that they share. The database's clock decides, so theirs may differ. Nothing may
//! depend on it for being right: a replica that slept may believe for a moment that it holds
//! what another one has taken. What it saves is work done twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, Statement, Value};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    db::{Db, Dialect},
    error::{Result, ServiceError},
};

/// How long a lease lasts without being renewed: so long nobody does the work after a crash.
const LIFE: Duration = Duration::from_secs(5);
/// How often it is renewed, or asked for.
const TURN: Duration = Duration::from_millis(500);
/// How often it is looked for by whoever claimed it.
const CLAIM_TURN: Duration = Duration::from_millis(50);
/// The database's clock in microseconds.
const NOW: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint";

/// One replica's side of a lease. Cheap to clone.
#[derive(Clone)]
pub struct Lease {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    name: &'static str,
    /// This replica.
    own: Uuid,
    held: watch::Sender<bool>,
    /// How many need it not to be given away.
    pins: AtomicUsize,
}

/// The lease is held and not given away while this lives.
pub struct Pinned(Arc<Inner>);

impl Drop for Pinned {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Lease {
    /// A side of the lease `name`. On SQLite there is one process, which always holds it.
    pub fn new(db: Db, name: &'static str) -> Self {
        let held = watch::Sender::new(db.dialect() == Dialect::Sqlite);
        let (own, pins) = (Uuid::now_v7(), AtomicUsize::new(0));
        Self { inner: Arc::new(Inner { db, name, own, held, pins }) }
    }

    /// Whether this replica holds it.
    pub fn is_held(&self) -> bool {
        *self.inner.held.borrow()
    }

    /// Returns when this replica holds it.
    pub async fn held(&self) {
        let _ = self.inner.held.subscribe().wait_for(|held| *held).await;
    }

    /// Waits for the next turn of what its holder does from time to time: for `pause`, and on
    /// while another replica holds it. False at `stop`.
    pub async fn next_turn(&self, pause: Duration, stop: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                () = stop.cancelled() => return false,
                () = sleep(pause) => {}
            }
            if self.is_held() {
                return true;
            }
        }
    }

    /// Returns when this replica does not hold it.
    pub async fn lost(&self) {
        let _ = self.inner.held.subscribe().wait_for(|held| !*held).await;
    }

    /// Takes the lease whenever it is free and renews it, until `stop`; then gives it away.
    pub async fn keep(&self, stop: CancellationToken) {
        if self.inner.db.dialect() == Dialect::Sqlite {
            return stop.cancelled().await;
        }
        let mut renewed = Instant::now();
        loop {
            match self.inner.turn().await {
                Ok(()) => renewed = Instant::now(),
                Err(error) => {
                    tracing::warn!(lease = self.inner.name, %error, "not renewed");
                    if renewed.elapsed() > LIFE {
                        self.inner.held.send_replace(false);
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(TURN) => {}
            }
        }
        if self.is_held()
            && let Err(error) = self.inner.give_away().await
        {
            tracing::warn!(lease = self.inner.name, %error, "it runs out by itself");
        }
    }

    /// Gets the lease from whoever holds it and keeps it while the answer lives.
    ///
    /// # Errors
    /// UNAVAILABLE when it is not given away within `limit`, since it is needed there.
    pub async fn claim(&self, limit: Duration) -> Result<Pinned> {
        self.inner.pins.fetch_add(1, Ordering::SeqCst);
        let pinned = Pinned(self.inner.clone());
        let end = Instant::now() + limit;
        while !self.is_held() {
            if self.inner.take().await? {
                self.inner.held.send_replace(true);
                break;
            }
            self.inner.want().await?;
            if Instant::now() >= end {
                return Err(ServiceError::unavailable("another replica is busy with this"));
            }
            sleep(CLAIM_TURN).await;
        }
        Ok(pinned)
    }
}

impl Inner {
    /// Renews what is held, or gives it to whoever wants it; takes what is free.
    async fn turn(&self) -> Result<()> {
        if !*self.held.borrow() {
            if self.take().await? {
                self.held.send_replace(true);
            }
            return Ok(());
        }
        let text = format!(
            "UPDATE lease SET until_us = {NOW} + {} WHERE name = $1 AND holder = $2 \
             RETURNING wanted",
            LIFE.as_micros()
        );
        let statement = self.statement(text, vec![self.name.into(), self.own.into()]);
        let Some(row) = self.db.read().query_one_raw(statement).await? else {
            self.held.send_replace(false);
            return Ok(());
        };
        let wanted: Option<Uuid> = row.try_get("", "wanted")?;
        let by_another = wanted.is_some_and(|wanted| wanted != self.own);
        if by_another && self.pins.load(Ordering::SeqCst) == 0 {
            self.give_away().await?;
        }
        Ok(())
    }

    /// Takes the lease if nobody holds it. One that was given away is for whoever wanted it,
    /// unless that replica does not come for it either.
    async fn take(&self) -> Result<bool> {
        let life = LIFE.as_micros();
        let text = format!(
            "INSERT INTO lease (name, holder, until_us) VALUES ($1, $2, {NOW} + {life}) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, \
             until_us = excluded.until_us, wanted = NULL \
             WHERE lease.holder = excluded.holder OR lease.until_us <= {NOW} \
             AND (lease.wanted IS NULL OR lease.wanted = excluded.holder \
             OR lease.until_us <= {NOW} - {life})"
        );
        let statement = self.statement(text, vec![self.name.into(), self.own.into()]);
        Ok(self.db.read().execute_raw(statement).await?.rows_affected() == 1)
    }

    async fn want(&self) -> Result<()> {
        let text = "UPDATE lease SET wanted = $2 WHERE name = $1 AND holder <> $2".to_owned();
        let statement = self.statement(text, vec![self.name.into(), self.own.into()]);
        self.db.read().execute_raw(statement).await?;
        Ok(())
    }

    async fn give_away(&self) -> Result<()> {
        // The work stops before another one begins.
        self.held.send_replace(false);
        let text = format!("UPDATE lease SET until_us = {NOW} WHERE name = $1 AND holder = $2");
        let statement = self.statement(text, vec![self.name.into(), self.own.into()]);
        self.db.read().execute_raw(statement).await?;
        Ok(())
    }

    fn statement(&self, text: String, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.db.read().get_database_backend(), text, values)
    }
}
