//! Presses that could not be placed. A row stays after release or deletion, so that a resend
//! is recognised for ever.

use std::collections::HashMap;

use device_domain::{
    clock_correction::ClockSource,
    rating_stored::{Cause, Fate, Quarantined},
};
use kit::db::newest::{Newest, Place};
use kit::db::sql::{Sql, odd};
use kit::{
    db::{WriteTx, dialect_of},
    error::Result,
};
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::quarantine::{Entity, Model};

/// Rows of one statement: a dozen columns each, far below what SQLite takes.
const INSERT_CHUNK: usize = 500;

/// One quarantined press of an organisation.
pub async fn get(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Quarantined>> {
    let found = Entity::find_by_id(id).one(conn).await?.filter(|model| model.org_id == org);
    found.map(from_model).transpose()
}

/// What is known of those receipts that are in quarantine: content hash, cause and fate.
pub async fn known(
    conn: &impl ConnectionTrait,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, (i64, Cause, Fate)>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(dialect_of(conn));
    let which = sql.one_of("id", ids);
    let text = format!("SELECT id, content_hash, cause, state FROM quarantine WHERE {which}");
    let rows = sql.query(conn, &text).await?;
    rows.iter()
        .map(|row| {
            let cause = cause(row.try_get("", "cause")?)?;
            let known = (row.try_get("", "content_hash")?, cause, fate(row.try_get("", "state")?)?);
            Ok((row.try_get("", "id")?, known))
        })
        .collect()
}

/// Adds presses; those whose receipt is in quarantine already are left out.
pub async fn insert(tx: &WriteTx, presses: &[Quarantined]) -> Result<()> {
    for chunk in presses.chunks(INSERT_CHUNK) {
        let rows = chunk.iter().map(|press| to_model(press).into_active_model());
        Entity::insert_many(rows)
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .exec_without_returning(tx.conn())
            .await?;
    }
    Ok(())
}

/// Writes down what became of a press. A deleted one loses its message.
pub async fn set_fate(tx: &WriteTx, press: &Quarantined, fate: Fate) -> Result<()> {
    let mut row = Model { state: fate as i16, ..to_model(press) };
    if fate == Fate::Deleted {
        row.message.clear();
    }
    row.into_active_model().reset_all().update(tx.conn()).await?;
    Ok(())
}

/// Which quarantined presses a list shows; only those that wait.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only of devices managed by these units; `None` means any.
    pub units: Option<Vec<Uuid>>,
    /// Only of this device.
    pub device: Option<Uuid>,
    /// Only with this cause.
    pub cause: Option<Cause>,
}

/// A page, latest arrival first, after `last` (time of arrival and receipt).
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    last: Option<Place>,
    limit: u64,
) -> Result<Vec<Quarantined>> {
    let models = Newest::of(conn, "quarantine", "receive_us", org)
        .only(true, "state = 0")
        .equal("device_id", filter.device)
        .equal("cause", filter.cause.map(|cause| cause as i16))
        .among("unit_id", filter.units.as_deref())
        .page::<Entity>(conn, last, limit)
        .await?;
    models.into_iter().map(from_model).collect()
}

fn to_model(press: &Quarantined) -> Model {
    Model {
        id: press.id,
        org_id: press.org,
        device_id: press.device,
        epoch: press.epoch,
        sequence: press.sequence,
        rating_id: press.rating_id,
        content_hash: press.content_hash,
        unit_id: press.unit,
        cause: press.cause as i16,
        message: press.message.clone(),
        press_us: press.press_us,
        receive_us: press.receive_us,
        clock_source: press.clock_source as i16,
        clock_suspect: press.clock_suspect,
        state: press.fate as i16,
    }
}

fn from_model(model: Model) -> Result<Quarantined> {
    Ok(Quarantined {
        id: model.id,
        org: model.org_id,
        device: model.device_id,
        epoch: model.epoch,
        sequence: model.sequence,
        rating_id: model.rating_id,
        unit: model.unit_id,
        cause: cause(model.cause)?,
        message: model.message,
        content_hash: model.content_hash,
        press_us: model.press_us,
        clock_source: ClockSource::from_number(model.clock_source)
            .ok_or_else(|| odd("quarantine", "clock_source"))?,
        clock_suspect: model.clock_suspect,
        receive_us: model.receive_us,
        fate: fate(model.state)?,
    })
}

fn cause(number: i16) -> Result<Cause> {
    Cause::from_number(number).ok_or_else(|| odd("quarantine", "cause"))
}

fn fate(number: i16) -> Result<Fate> {
    match number {
        0 => Ok(Fate::Held),
        1 => Ok(Fate::Released),
        2 => Ok(Fate::Deleted),
        _ => Err(odd("quarantine", "state")),
    }
}
