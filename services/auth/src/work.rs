//! One change of one organisation: the lock, the rows, the events and the audit records, all
//! in one transaction, or nothing.

use std::sync::Arc;

use auth_domain::{
    audit::{Head, Record},
    event::Event,
};
use kit::{auth::Caller, db::WriteTx, error::Result};
use prost::Message as _;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::{core::Core, events, store::audit};

/// The chain and lock of what belongs to no organisation.
pub const INSTALLATION: Uuid = Uuid::nil();

/// A transaction that changes one organisation. Dropped without commit it leaves no trace.
pub struct Work {
    core: Arc<Core>,
    tx: WriteTx,
    org: Uuid,
    head: Head,
    events: Vec<Event>,
    records: Vec<Record>,
    source: Option<String>,
    /// When it began, in microseconds since 1970 UTC.
    pub now_us: i64,
}

/// Who did what to which object; becomes an audit record.
#[derive(Debug, Clone)]
pub struct Note {
    /// `users/…`, `clients/…`, `operator`, `anonymous`.
    pub actor: String,
    /// Name of the RPC, without the first slash.
    pub action: String,
    /// Name of the object.
    pub object: String,
    /// Unit of the object.
    pub unit: Option<Uuid>,
    /// `ok` or the reason of the refusal.
    pub outcome: String,
    /// Changed fields, without personal or secret values.
    pub detail: serde_json::Value,
}

impl Note {
    /// `caller` did what it called, successfully.
    pub fn ok(
        caller: &Caller,
        object: String,
        unit: Option<Uuid>,
        detail: serde_json::Value,
    ) -> Self {
        Self {
            actor: caller.name(),
            action: caller.method.path.trim_start_matches('/').to_owned(),
            object,
            unit,
            outcome: "ok".to_owned(),
            detail,
        }
    }
}

impl Work {
    /// Begins, alone on the organisation: whatever is read from here on stays true until the
    /// end, so that decisions need no second look.
    pub async fn begin(core: &Arc<Core>, org: Uuid) -> Result<Self> {
        let tx = core.db.begin().await?;
        let head = audit::lock(tx.conn(), org).await?;
        Ok(Self {
            core: core.clone(),
            tx,
            org,
            head,
            events: Vec::new(),
            records: Vec::new(),
            source: None,
            now_us: core.now_us(),
        })
    }

    /// The transaction.
    pub fn tx(&self) -> &WriteTx {
        &self.tx
    }

    /// Its connection.
    pub fn conn(&self) -> &DatabaseTransaction {
        self.tx.conn()
    }

    /// Organisation that is changed.
    pub fn org(&self) -> Uuid {
        self.org
    }

    /// Adds an event to the feed.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Adds a record to the audit chain.
    pub fn note(&mut self, note: Note) {
        let record = Record {
            id: self.core.new_id(),
            number: 0,
            time_us: self.now_us,
            actor: note.actor,
            action: note.action,
            object: note.object,
            unit: note.unit,
            outcome: note.outcome,
            detail: note.detail.to_string(),
        };
        self.records.push(record);
    }

    /// Adds the record of another service, known there as `source`, to the audit chain; its
    /// number.
    pub fn take(&mut self, record: Record, source: String) -> i64 {
        self.records.push(record);
        self.source = Some(source);
        self.head.number + 1
    }

    /// Makes everything durable and known here. The position in the feed at which all of it
    /// is known elsewhere; empty when nothing was added to the feed.
    pub async fn commit(self) -> Result<String> {
        let conn = self.tx.conn();
        if !self.records.is_empty() {
            audit::append(conn, self.org, self.head, self.records, self.source).await?;
        }
        let mut position = String::new();
        if !self.events.is_empty() {
            let items = self.events.iter().map(|event| events::event(self.org, event)).collect();
            let message = proto::auth::v1::Events { items };
            position = self.core.outbox.append(&self.tx, message.encode_to_vec()).await?;
        }
        self.tx.commit().await?;
        self.core.committed(self.org, &self.events).await;
        Ok(position)
    }
}
