//! Templates.

use device_domain::template::Template;
use kit::db::newest::{Newest, Place};
use kit::error::Result;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set, sea_query::Expr, sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::template;
use crate::convert;

/// One template.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<Option<Template>> {
    let query = template::Entity::find_by_id(id).filter(template::Column::OrgId.eq(org));
    query.one(conn).await?.map(of_row).transpose()
}

/// Templates newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    show_retired: bool,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Template>> {
    let list =
        Newest::of(conn, "template", "create_us", org).only(!show_retired, "retire_us IS NULL");
    let found = list.page::<template::Entity>(conn, before, limit).await?;
    found.into_iter().map(of_row).collect()
}

/// Templates marked as default and not retired, newest first; normally one.
pub async fn defaults(conn: &impl ConnectionTrait, org: Uuid) -> Result<Vec<Template>> {
    let query = template::Entity::find()
        .filter(template::Column::OrgId.eq(org))
        .filter(template::Column::IsDefault.eq(true))
        .filter(template::Column::RetireUs.is_null())
        .order_by_desc(template::Column::CreateUs);
    query.all(conn).await?.into_iter().map(of_row).collect()
}

/// Adds a template. False if its id is there already.
pub async fn insert(conn: &impl ConnectionTrait, new: &Template) -> Result<bool> {
    let row = template::ActiveModel {
        id: Set(new.id),
        org_id: Set(new.org),
        body: Set(convert::template::to_body(new)),
        is_default: Set(new.is_default),
        create_us: Set(new.create_us),
        retire_us: Set(new.retire_us),
    };
    let mut known = OnConflict::column(template::Column::Id);
    known.do_nothing();
    let added =
        template::Entity::insert(row).on_conflict(known).exec_without_returning(conn).await?;
    Ok(added == 1)
}

/// Takes the mark of the default from all templates.
pub async fn clear_default(conn: &impl ConnectionTrait, org: Uuid) -> Result<()> {
    template::Entity::update_many()
        .col_expr(template::Column::IsDefault, Expr::value(false))
        .filter(template::Column::OrgId.eq(org))
        .filter(template::Column::IsDefault.eq(true))
        .exec(conn)
        .await?;
    Ok(())
}

/// Retires a template. False if it was retired before.
pub async fn retire(conn: &impl ConnectionTrait, org: Uuid, id: Uuid, us: i64) -> Result<bool> {
    let retired = template::Entity::update_many()
        .col_expr(template::Column::RetireUs, Expr::value(us))
        .filter(template::Column::Id.eq(id))
        .filter(template::Column::OrgId.eq(org))
        .filter(template::Column::RetireUs.is_null())
        .exec(conn)
        .await?;
    Ok(retired.rows_affected == 1)
}

/// Organisations of which a template was created or retired at `us` or later.
pub async fn changed_since(conn: &impl ConnectionTrait, us: i64) -> Result<Vec<Uuid>> {
    let changed = Condition::any()
        .add(template::Column::CreateUs.gte(us))
        .add(template::Column::RetireUs.gte(us));
    let query = template::Entity::find()
        .select_only()
        .column(template::Column::OrgId)
        .distinct()
        .filter(changed);
    Ok(query.into_tuple().all(conn).await?)
}

fn of_row(row: template::Model) -> Result<Template> {
    let mut template = convert::template::of_body(row.id, row.org_id, &row.body)?;
    template.is_default = row.is_default;
    template.create_us = row.create_us;
    template.retire_us = row.retire_us;
    Ok(template)
}
