//! Rating policies.

use device_domain::policy::Policy;
use kit::error::Result;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set, sea_query::OnConflict};
use uuid::Uuid;

use super::entity::rating_policy;
use crate::convert;

/// The policy of an organisation with its version; the default with version 0 if it set none.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid) -> Result<(Policy, i64)> {
    match rating_policy::Entity::find_by_id(org).one(conn).await? {
        Some(row) => Ok((convert::policy::of_body(&row.body)?, row.version)),
        None => Ok((Policy::default(), 0)),
    }
}

/// Replaces the policy that had version `before`. False if it was changed meanwhile.
pub async fn save(
    conn: &impl ConnectionTrait,
    org: Uuid,
    policy: &Policy,
    before: i64,
) -> Result<bool> {
    let row = rating_policy::ActiveModel {
        org_id: Set(org),
        body: Set(convert::policy::to_body(policy)),
        version: Set(before + 1),
    };
    if before == 0 {
        let mut known = OnConflict::column(rating_policy::Column::OrgId);
        known.do_nothing();
        let added = rating_policy::Entity::insert(row)
            .on_conflict(known)
            .exec_without_returning(conn)
            .await?;
        return Ok(added == 1);
    }
    let update = rating_policy::Entity::update_many()
        .set(row)
        .filter(rating_policy::Column::OrgId.eq(org))
        .filter(rating_policy::Column::Version.eq(before));
    Ok(update.exec(conn).await?.rows_affected == 1)
}
