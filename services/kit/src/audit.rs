//! Audit records of services other than auth: written in the transaction of the change, then
//! handed over to auth's chain, where the organisation reads them.

use std::time::Duration;

use prost::Message as _;
use proto::{
    auth::v1::{AppendAuditRecordRequest, AuditRecord, audit_service_client::AuditServiceClient},
    names, time,
};
use sea_orm::{ConnectionTrait, Statement, Value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    auth::{Caller, InternalTokens},
    clock::{Clock, new_id},
    db::{Db, WriteTx},
    error::{Result, ServiceError},
    rpc::{Chan, bearer},
};

const IDLE_PAUSE: Duration = Duration::from_millis(500);
const ERROR_PAUSE: Duration = Duration::from_secs(5);
const BATCH: u64 = 100;

/// Writes down that `caller` changed `object`. `detail` names the changed fields, without
/// personal or secret values.
pub async fn record(
    tx: &WriteTx,
    caller: &Caller,
    object: &str,
    unit: Option<Uuid>,
    detail: serde_json::Value,
    clock: &dyn Clock,
) -> Result<()> {
    record_in(tx, caller, caller.org, object, unit, detail, clock).await
}

/// The same for callers without an organisation, such as a device that enrols.
pub async fn record_in(
    tx: &WriteTx,
    caller: &Caller,
    org: Uuid,
    object: &str,
    unit: Option<Uuid>,
    detail: serde_json::Value,
    clock: &dyn Clock,
) -> Result<()> {
    let id = new_id(clock);
    let record = AuditRecord {
        time: Some(time::from_us(clock.now_us())),
        actor: caller.name(),
        action: caller.method.path.trim_start_matches('/').to_owned(),
        object: object.to_owned(),
        unit: names::print_opt("units", unit),
        outcome: "ok".to_owned(),
        detail: detail.to_string(),
        ..Default::default()
    };
    let request = AppendAuditRecordRequest {
        id: id.to_string(),
        organisation: names::print("organisations", org),
        record: Some(record),
    };
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "INSERT INTO audit_queue (id, org_id, body) VALUES ($1, $2, $3)",
        [Value::from(id), Value::from(org), Value::from(request.encode_to_vec())],
    );
    tx.conn().execute_raw(statement).await?;
    Ok(())
}

/// Hands records over to auth until `stop`, oldest first. Auth takes each id once, so a
/// record that is sent twice after a crash, or by two replicas, stands in the chain once. There
/// are few records, so a lease would spare next to nothing.
pub async fn forward(db: Db, auth: Chan, tokens: InternalTokens, stop: CancellationToken) {
    let mut client = AuditServiceClient::new(auth);
    loop {
        let pause = match forward_some(&db, &mut client, &tokens).await {
            Ok(0) => IDLE_PAUSE,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(%error, "audit records wait");
                ERROR_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn forward_some(
    db: &Db,
    client: &mut AuditServiceClient<Chan>,
    tokens: &InternalTokens,
) -> Result<usize> {
    let backend = db.read().get_database_backend();
    let sql = format!("SELECT id, body FROM audit_queue ORDER BY id LIMIT {BATCH}");
    let rows = db.read().query_all_raw(Statement::from_string(backend, sql)).await?;
    for row in &rows {
        let id: Uuid = row.try_get("", "id")?;
        let body: Vec<u8> = row.try_get("", "body")?;
        let request = AppendAuditRecordRequest::decode(body.as_slice())
            .map_err(|error| ServiceError::internal(format!("audit queue: {error}")))?;
        client.append_audit_record(bearer(request, &tokens.internal())).await?;
        let tx = db.begin().await?;
        let delete = "DELETE FROM audit_queue WHERE id = $1";
        let statement = Statement::from_sql_and_values(backend, delete, [Value::from(id)]);
        tx.conn().execute_raw(statement).await?;
        tx.commit().await?;
    }
    Ok(rows.len())
}
