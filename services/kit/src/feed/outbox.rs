//! The writing side: rows of committed events, one for each transaction, and reading them in
//! an order in which nothing can be passed by.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use proto::common::v1::{EventGroup, ListEventsResponse};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use tokio::sync::Notify;
use tonic::Status;
use uuid::Uuid;

use super::{GROUPS_MAX, Position, packed};
use crate::{
    clock::SharedClock,
    consistency,
    db::{Db, Dialect, WriteTx, dialect_of},
    error::{Result, ServiceError},
};

/// How often watchers look for commits of other replicas.
const POLL: Duration = Duration::from_millis(100);
/// Bytes of events at which a page ends: some twenty full groups of the ingest.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// The outbox of one service. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    pub(super) db: Db,
    clock: SharedClock,
    wake: Arc<Notify>,
    /// Service whose calls answer with where they wrote; nothing for calls that say it
    /// themselves.
    service: Option<&'static str>,
}

impl Outbox {
    /// The outbox in `db`.
    pub fn new(db: Db, clock: SharedClock) -> Self {
        Self { db, clock, wake: Arc::new(Notify::new()), service: None }
    }

    /// Calls that append answer with a consistency token of this service.
    #[must_use]
    pub fn of_service(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }

    /// Adds one group to the feed as part of `tx` and gives its position. `events` is an
    /// encoded `Events` message.
    pub async fn append(&self, tx: &WriteTx, events: Vec<u8>) -> Result<String> {
        let statement = Statement::from_sql_and_values(
            tx.conn().get_database_backend(),
            "INSERT INTO outbox (group_id, commit_us, events) VALUES ($1, $2, $3) \
             RETURNING xid, id",
            [Uuid::now_v7().into(), self.clock.now_us().into(), Value::from(packed::pack(events))],
        );
        let row = tx.conn().query_one_raw(statement).await?;
        let row = row.ok_or_else(|| ServiceError::internal("the outbox took no row"))?;
        let position = position_of(&row)?.print();
        if let Some(service) = self.service {
            consistency::note(service, &position);
        }
        Ok(position)
    }

    /// Tells watchers in this process that something was committed.
    pub fn committed(&self) {
        self.wake.notify_waiters();
    }

    /// Groups after a position, at most `limit`.
    pub async fn list(&self, after: &str, limit: usize) -> Result<ListEventsResponse> {
        let after = Position::parse(after)?;
        let limit = limit.clamp(1, GROUPS_MAX);
        let mut rows = self.read(after, limit).await?;
        let fits = fitting(rows.iter().map(|(_, group)| group.events.len())).min(rows.len());
        let at_end = rows.len() < limit && fits == rows.len();
        rows.truncate(fits);
        let last = rows.last().map_or(after, |(position, _)| *position);
        let next = if last == Position::START { String::new() } else { last.print() };
        let groups = rows.into_iter().map(|(_, group)| group).collect();
        Ok(ListEventsResponse { groups, next, at_end })
    }

    /// Groups after a position, and then each new one as it is committed.
    pub fn watch(
        &self,
        after: String,
    ) -> impl Stream<Item = std::result::Result<EventGroup, Status>> + Send + 'static {
        let state = Watch { outbox: self.clone(), after, ready: Vec::new().into_iter() };
        stream::try_unfold(state, |mut state| async move {
            let group = state.next().await.map_err(Status::from)?;
            Ok(Some((group, state)))
        })
    }

    /// End of what may be read now, as a position.
    pub async fn position(&self) -> Result<String> {
        self.position_in(self.db.read()).await
    }

    /// The same, seen from inside of a transaction.
    pub async fn position_in(&self, conn: &impl ConnectionTrait) -> Result<String> {
        let sql = format!(
            "SELECT xid, id FROM outbox WHERE {} ORDER BY xid DESC, id DESC LIMIT 1",
            fence(dialect_of(conn))
        );
        let statement = Statement::from_string(conn.get_database_backend(), sql);
        match conn.query_one_raw(statement).await? {
            Some(row) => Ok(position_of(&row)?.print()),
            None => Ok(String::new()),
        }
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, EventGroup)>> {
        let conn = self.db.read();
        let (after_sql, order) = match self.db.dialect() {
            Dialect::Postgres => ("(xid, id) > ($1, $2)", "xid, id"),
            // One writer: ids are given in commit order and xid is always 0.
            Dialect::Sqlite => ("xid >= $1 AND id > $2", "id"),
        };
        let after_xid = if self.db.dialect() == Dialect::Sqlite { 0 } else { after.xid };
        let sql = format!(
            "SELECT xid, id, group_id, commit_us, events FROM outbox \
             WHERE {after_sql} AND {} ORDER BY {order} LIMIT {limit}",
            fence(self.db.dialect())
        );
        let values: [Value; 2] = [after_xid.into(), after.id.into()];
        let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
        let rows = conn.query_all_raw(statement).await?;
        rows.iter().map(|row| Ok((position_of(row)?, group_of(row)?))).collect()
    }
}

/// How many groups of these sizes make a page: one at least, and no more bytes than a reader
/// wants to hold.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let sums = sizes.scan(0_usize, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= PAGE_BYTES).count().max(1)
}

/// Below the oldest transaction that still runs nothing can appear any more.
fn fence(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        Dialect::Sqlite => "xid >= 0",
    }
}

fn position_of(row: &QueryResult) -> Result<Position> {
    Ok(Position { xid: row.try_get("", "xid")?, id: row.try_get("", "id")? })
}

fn group_of(row: &QueryResult) -> Result<EventGroup> {
    let id: Uuid = row.try_get("", "group_id")?;
    let events = packed::unpack(row.try_get("", "events")?)?;
    Ok(EventGroup {
        position: position_of(row)?.print(),
        group_id: id.to_string(),
        commit_time: Some(proto::time::from_us(row.try_get("", "commit_us")?)),
        events: Bytes::from(events),
    })
}

struct Watch {
    outbox: Outbox,
    after: String,
    ready: std::vec::IntoIter<EventGroup>,
}

impl Watch {
    async fn next(&mut self) -> std::result::Result<EventGroup, ServiceError> {
        loop {
            if let Some(group) = self.ready.next() {
                self.after.clone_from(&group.position);
                return Ok(group);
            }
            // Armed before reading, so that a commit between the two is not slept through.
            let wake = self.outbox.wake.clone();
            let woken = wake.notified();
            let page = self.outbox.list(&self.after, GROUPS_MAX).await?;
            if page.groups.is_empty() {
                let _ = tokio::time::timeout(POLL, woken).await;
            } else {
                self.ready = page.groups.into_iter();
            }
        }
    }
}
