//! Encounters.

use device_domain::encounter::{Encounter, State};
use kit::db::newest::{Newest, Place};
use kit::db::placed::Placed;
use kit::{
    db::{Dialect, dialect_of},
    error::Result,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    entity::encounter,
    prompting::{SERVED, UNPROMPTED},
};

/// Encounters by id, in no order; unknown ids are left out.
pub async fn find(conn: &impl ConnectionTrait, org: Uuid, ids: &[Uuid]) -> Result<Vec<Encounter>> {
    let query = encounter::Entity::find()
        .filter(encounter::Column::OrgId.eq(org))
        .filter(encounter::Column::Id.is_in(ids.iter().copied()));
    Ok(query.all(conn).await?.into_iter().map(of_row).collect())
}

/// The same, and nobody else changes them until the transaction ends.
pub async fn find_locked(
    conn: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
) -> Result<Vec<Encounter>> {
    let mut query = encounter::Entity::find()
        .filter(encounter::Column::OrgId.eq(org))
        .filter(encounter::Column::Id.is_in(ids.iter().copied()))
        // Locked in the order of all who change encounters.
        .order_by_asc(encounter::Column::Id);
    if dialect_of(conn) == Dialect::Postgres {
        query = query.lock_exclusive();
    }
    Ok(query.all(conn).await?.into_iter().map(of_row).collect())
}

/// Encounters of a window that are placed from `from_us` to `to_us`, both included, oldest
/// first.
pub async fn at_window(
    conn: &impl ConnectionTrait,
    org: Uuid,
    window: Uuid,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<Encounter>> {
    let query = encounter::Entity::find()
        .filter(encounter::Column::OrgId.eq(org))
        .filter(encounter::Column::WindowId.eq(window))
        .filter(encounter::Column::TimeUs.gte(from_us))
        .filter(encounter::Column::TimeUs.lte(to_us))
        .order_by_asc(encounter::Column::TimeUs)
        .order_by_asc(encounter::Column::Id);
    Ok(query.all(conn).await?.into_iter().map(of_row).collect())
}

/// Adds a new encounter (version 0) or replaces the version that was read. False if somebody
/// else was faster: roll back, read and decide again.
pub async fn save(conn: &impl ConnectionTrait, org: Uuid, saved: &Encounter) -> Result<bool> {
    let row = to_row(org, saved);
    if saved.version == 0 {
        let mut known = OnConflict::columns([encounter::Column::OrgId, encounter::Column::Id]);
        known.do_nothing();
        let added =
            encounter::Entity::insert(row).on_conflict(known).exec_without_returning(conn).await?;
        return Ok(added == 1);
    }
    let mut changed = row;
    changed.org_id = sea_orm::ActiveValue::NotSet;
    changed.id = sea_orm::ActiveValue::NotSet;
    let update = encounter::Entity::update_many()
        .set(changed)
        .filter(encounter::Column::OrgId.eq(org))
        .filter(encounter::Column::Id.eq(saved.id))
        .filter(encounter::Column::Version.eq(saved.version));
    Ok(update.exec(conn).await?.rows_affected == 1)
}

/// Which encounters to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only at these units.
    pub units: Option<Vec<Uuid>>,
    /// Only what belongs to a unit by a tree.
    pub placed: Option<Placed>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only served by this person.
    pub staff: Option<Uuid>,
    /// Only services that were given and whose customer was not asked.
    pub unprompted_only: bool,
    /// Only services that were given.
    pub served_only: bool,
    /// Only at these windows, if any is named.
    pub windows: Vec<Uuid>,
    /// Only served by these, if any is named.
    pub staff_members: Vec<Uuid>,
    /// Only of these business types, if any is named; an empty one for those without.
    pub business_types: Vec<String>,
    /// Not before.
    pub from_us: Option<i64>,
    /// Before.
    pub to_us: Option<i64>,
}

/// Encounters newest first, at most `limit` before `before`.
pub async fn list(
    conn: &impl ConnectionTrait,
    org: Uuid,
    filter: &Filter,
    before: Option<Place>,
    limit: u64,
) -> Result<Vec<Encounter>> {
    let found = Newest::of(conn, "encounter", "time_us", org)
        .among("window_id", filter.units.as_deref())
        .equal("state", filter.state.map(|state| state as i16))
        .equal("staff_id", filter.staff)
        .within(filter.from_us, filter.to_us)
        .only(filter.unprompted_only, &format!("{SERVED} AND {UNPROMPTED}"))
        .only(filter.served_only, SERVED)
        .one_of("window_id", &filter.windows)
        .one_of("staff_id", &filter.staff_members)
        .any_of("business_type", filter.business_types.iter().cloned())
        .placed(filter.placed.as_ref());
    let found = found.page::<encounter::Entity>(conn, before, limit).await?;
    Ok(found.into_iter().map(of_row).collect())
}

/// Silent encounters that were prompted before `before_us`, oldest prompt first, at most
/// `limit` after `after`.
pub async fn silent(
    conn: &impl ConnectionTrait,
    org: Uuid,
    before_us: i64,
    after: Option<(i64, Uuid)>,
    limit: u64,
) -> Result<Vec<Encounter>> {
    let states = [State::Prompted as i16, State::Shown as i16, State::TimedOut as i16];
    let mut wanted = Condition::all()
        .add(encounter::Column::OrgId.eq(org))
        .add(encounter::Column::State.is_in(states))
        .add(encounter::Column::FinishUs.is_not_null())
        .add(encounter::Column::PromptUs.lt(before_us));
    if let Some((prompt_us, id)) = after {
        let same = Condition::all()
            .add(encounter::Column::PromptUs.eq(prompt_us))
            .add(encounter::Column::Id.gt(id));
        let later = encounter::Column::PromptUs.gt(prompt_us);
        wanted = wanted.add(Condition::any().add(later).add(same));
    }
    let query = encounter::Entity::find()
        .filter(wanted)
        .order_by_asc(encounter::Column::PromptUs)
        .order_by_asc(encounter::Column::Id)
        .limit(limit);
    Ok(query.all(conn).await?.into_iter().map(of_row).collect())
}

fn to_row(org: Uuid, e: &Encounter) -> encounter::ActiveModel {
    encounter::ActiveModel {
        org_id: Set(org),
        id: Set(e.id),
        window_id: Set(e.window),
        site_id: Set(e.site),
        site_since_us: Set(e.site_since_us),
        staff_id: Set(e.staff),
        ticket: Set(e.ticket.clone()),
        ticket_us: Set(e.ticket_us),
        business_type: Set(e.business_type.clone()),
        business_us: Set(e.business_us),
        state: Set(e.state() as i16),
        time_us: Set(e.time_us()),
        queue_us: Set(e.queue_us),
        call_us: Set(e.call_us),
        start_us: Set(e.start_us),
        finish_us: Set(e.finish_us),
        prompt_us: Set(e.prompt_us),
        shown_us: Set(e.shown_us),
        timeout_us: Set(e.timeout_us),
        skip_us: Set(e.skip_us),
        no_show_us: Set(e.no_show_us),
        default_us: Set(e.default_us),
        rate_us: Set(e.rate_us),
        rating_id: Set(e.rating),
        rating_channel: Set(i16::try_from(e.rating_channel).unwrap_or_default()),
        version: Set(e.version + 1),
    }
}

pub(super) fn of_row(row: encounter::Model) -> Encounter {
    Encounter {
        id: row.id,
        window: row.window_id,
        site: row.site_id,
        site_since_us: row.site_since_us,
        staff: row.staff_id,
        ticket: row.ticket,
        ticket_us: row.ticket_us,
        business_type: row.business_type,
        business_us: row.business_us,
        queue_us: row.queue_us,
        call_us: row.call_us,
        start_us: row.start_us,
        finish_us: row.finish_us,
        prompt_us: row.prompt_us,
        shown_us: row.shown_us,
        timeout_us: row.timeout_us,
        skip_us: row.skip_us,
        no_show_us: row.no_show_us,
        default_us: row.default_us,
        rate_us: row.rate_us,
        rating: row.rating_id,
        rating_channel: row.rating_channel.into(),
        version: row.version,
    }
}
