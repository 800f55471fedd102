//! Creating calls that carry a `request_id`: the answer is kept with the effect, in the same
//! transaction, and a repeated call gets it again.

use prost::Message;
use proto::common::v1::Reason;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use sha2::{Digest, Sha256};
use tonic::Code;

use crate::{
    auth::Caller,
    clock::Clock,
    db::WriteTx,
    error::{Result, ServiceError, is_unique_violation},
};

/// How long an answer is kept.
pub const KEEP_DAYS: i64 = 7;
const DAY_US: i64 = 86_400_000_000;

/// The answer given before to the same call, if there is one. An empty key is never repeated.
///
/// # Errors
/// ALREADY_EXISTS with IDEMPOTENCY_CONFLICT when the key was used with another request.
pub async fn replay<R: Message + Default>(
    tx: &WriteTx,
    caller: &Caller,
    key: &str,
    request: &impl Message,
) -> Result<Option<R>> {
    if key.is_empty() {
        return Ok(None);
    }
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "SELECT request_hash, response FROM idempotency \
         WHERE org_id = $1 AND principal = $2 AND method = $3 AND request_key = $4",
        scope(caller, key),
    );
    let Some(row) = tx.conn().query_one_raw(statement).await? else { return Ok(None) };
    let hash: Vec<u8> = row.try_get("", "request_hash")?;
    if hash != hash_of(request) {
        return Err(ServiceError::new(
            Code::AlreadyExists,
            Reason::IdempotencyConflict,
            "this request id was used with another request",
        ));
    }
    let response: Vec<u8> = row.try_get("", "response")?;
    let decoded = R::decode(response.as_slice());
    decoded.map(Some).map_err(|error| ServiceError::internal(format!("idempotency: {error}")))
}

/// Keeps the answer for repeated calls. Call it in the transaction of the effect.
///
/// # Errors
/// ABORTED when the same call is being carried out at this moment.
pub async fn remember(
    tx: &WriteTx,
    caller: &Caller,
    key: &str,
    request: &impl Message,
    response: &impl Message,
    clock: &dyn Clock,
) -> Result<()> {
    if key.is_empty() {
        return Ok(());
    }
    let mut values = scope(caller, key).to_vec();
    values.push(hash_of(request).into());
    values.push(response.encode_to_vec().into());
    values.push(clock.now_us().into());
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "INSERT INTO idempotency (org_id, principal, method, request_key, request_hash, \
         response, create_us) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values,
    );
    tx.conn().execute_raw(statement).await.map_err(|error: DbErr| {
        if is_unique_violation(&error) {
            ServiceError::new(
                Code::Aborted,
                Reason::IdempotencyConflict,
                "the same request is being carried out",
            )
            .with_retry_after(std::time::Duration::from_millis(200))
        } else {
            error.into()
        }
    })?;
    Ok(())
}

/// Removes answers older than [`KEEP_DAYS`].
pub async fn sweep(tx: &WriteTx, clock: &dyn Clock) -> Result<u64> {
    tx.take_time().await?;
    let statement = Statement::from_sql_and_values(
        tx.conn().get_database_backend(),
        "DELETE FROM idempotency WHERE create_us < $1",
        [Value::from(clock.now_us() - KEEP_DAYS * DAY_US)],
    );
    Ok(tx.conn().execute_raw(statement).await?.rows_affected())
}

fn scope(caller: &Caller, key: &str) -> [Value; 4] {
    [caller.org.into(), caller.name().into(), caller.method.path.as_str().into(), key.into()]
}

fn hash_of(request: &impl Message) -> Vec<u8> {
    Sha256::digest(request.encode_to_vec()).to_vec()
}

#[cfg(test)]
mod tests {
    use proto::survey::v1::Definition;

    use super::*;

    /// A definition whose titles were put in one after the other.
    fn titled(tags: impl Iterator<Item = u32>) -> Definition {
        let mut definition = Definition::default();
        for tag in tags {
            definition.title.insert(format!("x-{tag}"), format!("title {tag}"));
        }
        definition
    }

    #[test]
    fn equal_requests_hash_equal_in_whatever_order_their_maps_were_filled() {
        let want = hash_of(&titled(0..16));
        assert_eq!(hash_of(&titled((0..16).rev())), want);
        let sent = titled((0..16).map(|tag| (tag * 7) % 16)).encode_to_vec();
        let received = Definition::decode(sent.as_slice()).expect("it was just encoded");
        assert_eq!(hash_of(&received), want);
    }

    #[test]
    fn one_other_entry_is_another_request() {
        assert_ne!(hash_of(&titled(0..16)), hash_of(&titled(0..17)));
    }
}
