//! People who sign in.

use sea_orm::entity::prelude::*;

/// One row. Times are microseconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    /// Id; `users/us_…`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Organisation.
    pub org_id: Uuid,
    /// Sign-in name as it was given.
    #[sea_orm(column_type = "Text")]
    pub login: String,
    /// Sign-in name as it is compared.
    #[sea_orm(column_type = "Text")]
    pub login_key: String,
    /// Display name.
    #[sea_orm(column_type = "Text")]
    pub display_name: String,
    /// Home unit.
    pub unit_id: Uuid,
    /// Language or empty.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    /// Whether the user is kept from signing in.
    pub disabled: bool,
    /// Argon2id in PHC form.
    #[sea_orm(column_type = "Text")]
    pub password_hash: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was created.
    pub create_us: i64,
}

/// No relations: one read, one table.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
