//! Pairing codes, and the count of wrong ones.

use device_domain::pairing::CLAIM_US;
use kit::error::Result;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Set,
    Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

use super::entity::{enroll_guess, pairing_code};

/// A code that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Organisation.
    pub org: Uuid,
    /// Device.
    pub device: Uuid,
}

/// Adds a code and makes those that the device had before useless.
pub async fn replace(
    conn: &impl ConnectionTrait,
    org: Uuid,
    device: Uuid,
    hash: &[u8],
    expire_us: i64,
) -> Result<()> {
    forget(conn, org, device).await?;
    let row = pairing_code::ActiveModel {
        code_hash: Set(hash.to_vec()),
        device_id: Set(device),
        org_id: Set(org),
        expire_us: Set(expire_us),
        claim_us: Set(None),
        used_us: Set(None),
    };
    row.insert(conn).await?;
    Ok(())
}

/// Makes all codes of a device useless.
pub async fn forget(conn: &impl ConnectionTrait, org: Uuid, device: Uuid) -> Result<()> {
    pairing_code::Entity::delete_many()
        .filter(pairing_code::Column::OrgId.eq(org))
        .filter(pairing_code::Column::DeviceId.eq(device))
        .exec(conn)
        .await?;
    Ok(())
}

/// The code, if it may be used now. Codes are their own credential, so there is no caller's
/// organisation to look in.
pub async fn open(conn: &impl ConnectionTrait, hash: &[u8], now_us: i64) -> Result<Option<Open>> {
    let query = pairing_code::Entity::find_by_id(hash.to_vec())
        .filter(pairing_code::Column::UsedUs.is_null())
        .filter(pairing_code::Column::ExpireUs.gt(now_us));
    Ok(query.one(conn).await?.map(|row| Open { org: row.org_id, device: row.device_id }))
}

/// Keeps others from using the code while its credential is being issued. False if somebody
/// else does so at this moment.
pub async fn claim(conn: &impl ConnectionTrait, hash: &[u8], now_us: i64) -> Result<bool> {
    let free = Condition::any()
        .add(pairing_code::Column::ClaimUs.is_null())
        .add(pairing_code::Column::ClaimUs.lt(now_us - CLAIM_US));
    let claimed = pairing_code::Entity::update_many()
        .col_expr(pairing_code::Column::ClaimUs, Expr::value(now_us))
        .filter(pairing_code::Column::CodeHash.eq(hash.to_vec()))
        .filter(pairing_code::Column::UsedUs.is_null())
        .filter(free)
        .exec(conn)
        .await?;
    Ok(claimed.rows_affected == 1)
}

/// Gives a claim up.
pub async fn unclaim(conn: &impl ConnectionTrait, hash: &[u8]) -> Result<()> {
    pairing_code::Entity::update_many()
        .col_expr(pairing_code::Column::ClaimUs, Expr::value(Value::BigInt(None)))
        .filter(pairing_code::Column::CodeHash.eq(hash.to_vec()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Notes that the code was used. False if it was used before or withdrawn meanwhile.
pub async fn mark_used(conn: &impl ConnectionTrait, hash: &[u8], now_us: i64) -> Result<bool> {
    let used = pairing_code::Entity::update_many()
        .col_expr(pairing_code::Column::UsedUs, Expr::value(now_us))
        .filter(pairing_code::Column::CodeHash.eq(hash.to_vec()))
        .filter(pairing_code::Column::UsedUs.is_null())
        .exec(conn)
        .await?;
    Ok(used.rows_affected == 1)
}

/// Removes codes that expired before `us`.
pub async fn sweep(conn: &impl ConnectionTrait, us: i64) -> Result<()> {
    pairing_code::Entity::delete_many()
        .filter(pairing_code::Column::ExpireUs.lt(us))
        .exec(conn)
        .await?;
    Ok(())
}

/// Wrong codes of a bucket in that minute.
pub async fn wrong_guesses(conn: &impl ConnectionTrait, bucket: &str, minute: i64) -> Result<i64> {
    let row = enroll_guess::Entity::find_by_id(bucket).one(conn).await?;
    Ok(row.filter(|row| row.minute == minute).map_or(0, |row| row.count))
}

/// Counts a wrong code.
pub async fn count_wrong(conn: &impl ConnectionTrait, bucket: &str, minute: i64) -> Result<()> {
    let sql = "INSERT INTO enroll_guess (bucket, minute, count) VALUES ($1, $2, 1) \
               ON CONFLICT (bucket) DO UPDATE SET minute = excluded.minute, count = \
               CASE WHEN enroll_guess.minute = excluded.minute THEN enroll_guess.count + 1 \
               ELSE 1 END";
    let values = [Value::from(bucket), Value::from(minute)];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    conn.execute_raw(statement).await?;
    Ok(())
}

/// Forgets counts of earlier minutes.
pub async fn sweep_guesses(conn: &impl ConnectionTrait, minute: i64) -> Result<()> {
    enroll_guess::Entity::delete_many()
        .filter(enroll_guess::Column::Minute.lt(minute))
        .exec(conn)
        .await?;
    Ok(())
}
