//! The auth database. Every finder takes the organisation, apart from the few that find out
//! which organisation a credential belongs to. Returns types of the domain only.

pub mod audit;
pub mod clients;
mod entity;
pub mod failures;
pub mod grants;
pub mod migration;
pub mod organisations;
pub mod roles;
pub mod sessions;
pub mod signing_keys;
pub mod staff;
pub mod units;
pub mod users;

use auth_domain::permission::PermissionSet;
use kit::error::{Result, ServiceError};
use uuid::Uuid;

/// A database connection or transaction, for code that only hands it on.
pub use sea_orm::ConnectionTrait as Connection;

/// Ids in one condition; both databases take several times as many.
const IN_MAX: usize = 5_000;

/// Replaces a row of an organisation unless someone changed it since it was read: the row in
/// the database still has the version before.
macro_rules! replace {
    ($conn:expr, $table:ident, $model:expr) => {{
        use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _};
        use sea_orm::{IntoActiveModel as _, QueryFilter as _};
        let model: $table::Model = $model;
        let (org, id, before) = (model.org_id, model.id, model.version - 1);
        let done = $table::Entity::update_many()
            .set(model.into_active_model().reset_all())
            .filter($table::Column::OrgId.eq(org))
            .filter($table::Column::Id.eq(id))
            .filter($table::Column::Version.eq(before))
            .exec($conn)
            .await?;
        if done.rows_affected == 1 { Ok(()) } else { Err(kit::error::ServiceError::stale()) }
    }};
}
use replace;

fn numbers_to_text(set: PermissionSet) -> String {
    serde_json::json!(set.numbers()).to_string()
}

fn numbers_from_text(text: &str) -> Result<PermissionSet> {
    let numbers: Vec<i32> = serde_json::from_str(text).map_err(|e| corrupt("permissions", e))?;
    Ok(PermissionSet::from_numbers(&numbers))
}

/// A row that this program did not write like this.
fn corrupt(what: &str, why: impl std::fmt::Display) -> ServiceError {
    ServiceError::internal(format!("{what} in the database: {why}"))
}

/// Units to ask the database for; longer lists are filtered by the caller.
fn pushed_down(units: Option<&[Uuid]>) -> Option<Vec<Uuid>> {
    units.filter(|units| units.len() <= IN_MAX).map(<[Uuid]>::to_vec)
}
