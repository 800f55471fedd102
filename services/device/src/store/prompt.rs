//! Questions that wait for the terminals of a window.

use kit::error::Result;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::Expr, sea_query::OnConflict,
};
use uuid::Uuid;

use super::entity::prompt;

/// Most prompts that wait at one window; older ones are long out of date.
const OPEN_MAX: u64 = 20;

/// A question for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prompt {
    /// Id.
    pub id: Uuid,
    /// Window.
    pub window: Uuid,
    /// Encounter.
    pub encounter: Uuid,
    /// When it was made.
    pub create_us: i64,
    /// When it is too late.
    pub expire_us: i64,
}

/// Adds a prompt unless it is there.
pub async fn insert(conn: &impl ConnectionTrait, org: Uuid, new: &Prompt) -> Result<()> {
    let row = prompt::ActiveModel {
        id: Set(new.id),
        org_id: Set(org),
        window_id: Set(new.window),
        encounter_id: Set(new.encounter),
        create_us: Set(new.create_us),
        expire_us: Set(new.expire_us),
        done: Set(false),
    };
    let mut known = OnConflict::column(prompt::Column::Id);
    known.do_nothing();
    prompt::Entity::insert(row).on_conflict(known).exec_without_returning(conn).await?;
    Ok(())
}

/// Prompts of a window that are neither done nor too late, oldest first.
pub async fn open(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    now_us: i64,
) -> Result<Vec<Prompt>> {
    let query = prompt::Entity::find()
        .filter(prompt::Column::OrgId.eq(org))
        .filter(prompt::Column::WindowId.eq(window))
        .filter(prompt::Column::Done.eq(false))
        .filter(prompt::Column::ExpireUs.gt(now_us))
        .order_by_desc(prompt::Column::CreateUs)
        .order_by_desc(prompt::Column::Id)
        .limit(OPEN_MAX);
    let mut prompts: Vec<Prompt> = query.all(conn).await?.into_iter().map(of_row).collect();
    prompts.reverse();
    Ok(prompts)
}

/// Prompts by id, in no order.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<Vec<Prompt>> {
    let query = prompt::Entity::find()
        .filter(prompt::Column::OrgId.eq(org))
        .filter(prompt::Column::Id.is_in(ids.iter().copied()));
    Ok(query.all(conn).await?.into_iter().map(of_row).collect())
}

/// Notes that prompts were shown.
pub async fn mark_done(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<()> {
    prompt::Entity::update_many()
        .col_expr(prompt::Column::Done, Expr::value(true))
        .filter(prompt::Column::OrgId.eq(org))
        .filter(prompt::Column::Id.is_in(ids.iter().copied()))
        .filter(prompt::Column::Done.eq(false))
        .exec(conn)
        .await?;
    Ok(())
}

/// Notes that an encounter needs no prompt any more.
pub async fn close(conn: &impl ConnectionTrait, org: Uuid, encounters: &[Uuid]) -> Result<()> {
    if encounters.is_empty() {
        return Ok(());
    }
    prompt::Entity::update_many()
        .col_expr(prompt::Column::Done, Expr::value(true))
        .filter(prompt::Column::OrgId.eq(org))
        .filter(prompt::Column::EncounterId.is_in(encounters.iter().copied()))
        .filter(prompt::Column::Done.eq(false))
        .exec(conn)
        .await?;
    Ok(())
}

/// Windows of all organisations at which a prompt was made at `us` or later.
pub async fn windows_since(conn: &impl ConnectionTrait, us: i64) -> Result<Vec<(Uuid, Uuid)>> {
    let query = prompt::Entity::find()
        .select_only()
        .column(prompt::Column::OrgId)
        .column(prompt::Column::WindowId)
        .distinct()
        .filter(prompt::Column::CreateUs.gte(us));
    Ok(query.into_tuple().all(conn).await?)
}

/// Removes prompts made before `us`.
pub async fn sweep(conn: &impl ConnectionTrait, us: i64) -> Result<()> {
    prompt::Entity::delete_many().filter(prompt::Column::CreateUs.lt(us)).exec(conn).await?;
    Ok(())
}

fn of_row(row: prompt::Model) -> Prompt {
    Prompt {
        id: row.id,
        window: row.window_id,
        encounter: row.encounter_id,
        create_us: row.create_us,
        expire_us: row.expire_us,
    }
}
