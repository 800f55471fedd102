//! The tree of units.

use std::sync::Arc;

use auth_domain::{
    Error,
    event::Event,
    text,
    tree::{check_move, check_new, check_retire},
    unit::{Unit, UnitKind, opening_hours},
};
use kit::{
    auth::{Caller, open_change, open_request},
    directory::OrgView,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    auth::v1::{
        self as pb, CreateUnitRequest, GetUnitRequest, ListUnitsRequest, ListUnitsResponse,
        MoveUnitRequest, RetireUnitRequest, UpdateUnitRequest, unit_service_server::UnitService,
    },
    common::v1::Permission,
    names, time,
};
use serde_json::{Value, json};
use tonic::{Request, Response};
use uuid::Uuid;

use super::{Answer, answered, check_etag, id_of, optional_id, refusal};
use crate::{
    core::Core,
    events,
    store::{Connection, staff, units},
    work::{Note, Work},
};

const CHANGEABLE: [&str; 4] = ["display_name", "code", "time_zone", "opening_hours"];

/// Handlers of the unit service.
pub struct Units(pub Arc<Core>);

#[tonic::async_trait]
impl UnitService for Units {
    async fn create_unit(&self, request: Request<CreateUnitRequest>) -> Answer<pb::Unit> {
        Ok(self.create(request).await?)
    }

    async fn get_unit(&self, request: Request<GetUnitRequest>) -> Answer<pb::Unit> {
        let (caller, message) = open_request(request)?;
        let id = id_of("units", "name", &message.name)?;
        caller.authorize(id)?;
        let unit = find(self.0.db.read(), caller.org, id).await?;
        let path = caller.view()?.path(id);
        Ok(Response::new(events::unit(&unit, &path)))
    }

    async fn list_units(&self, request: Request<ListUnitsRequest>) -> Answer<ListUnitsResponse> {
        Ok(self.list(request).await?)
    }

    async fn update_unit(&self, request: Request<UpdateUnitRequest>) -> Answer<pb::Unit> {
        Ok(self.update(request).await?)
    }

    async fn move_unit(&self, request: Request<MoveUnitRequest>) -> Answer<pb::Unit> {
        Ok(self.shift(request).await?)
    }

    async fn retire_unit(&self, request: Request<RetireUnitRequest>) -> Answer<pb::Unit> {
        Ok(self.retire(request).await?)
    }
}

impl Units {
    async fn create(&self, request: Request<CreateUnitRequest>) -> Result<Response<pb::Unit>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let given = message.unit.clone().unwrap_or_default();
        let parent_id = id_of("units", "unit.parent", &given.parent)?;
        caller.authorize(parent_id)?;
        let mut unit = read(&given, parent_id, core.now_us())?;
        let mut work = Work::begin(core, caller.org).await?;
        let key = &message.request_id;
        if let Some(earlier) = idempotency::replay(work.tx(), &caller, key, &message).await? {
            return Ok(Response::new(earlier));
        }
        unit.id = core.new_id();
        let parent = find(work.conn(), caller.org, parent_id).await?;
        let place =
            units::place(work.conn(), caller.org, &parent, &unit.display_name, unit.id).await?;
        let count = units::count(work.conn(), caller.org).await?;
        check_new(unit.kind, &place, count).map_err(refusal)?;
        check_code(&work, &unit).await?;
        units::insert(work.conn(), caller.org, &unit).await?;
        let mut path = place.path;
        path.push(unit.id);
        let answer = events::unit(&unit, &path);
        let detail = json!({ "parent": given.parent, "kind": unit.kind.number() });
        work.note(note(&caller, &unit, detail));
        work.emit(Event::Unit(unit));
        let clock = core.clock.as_ref();
        idempotency::remember(work.tx(), &caller, key, &message, &answer, clock).await?;
        Ok(answered(answer, &work.commit().await?))
    }

    async fn list(
        &self,
        request: Request<ListUnitsRequest>,
    ) -> Result<Response<ListUnitsResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let ancestor = optional_id("units", "ancestor", &message.ancestor)?;
        let parent = optional_id("units", "parent", &message.parent)?;
        for named in [ancestor, parent].into_iter().flatten() {
            caller.authorize(named)?;
        }
        let filter = format!(
            "units|{}|{}|{}|{}|{}",
            caller.org, message.ancestor, message.parent, message.kind, message.show_retired
        );
        let page = self.0.pages.open::<Uuid>(filter, message.page_size, &message.page_token)?;
        let view = visible.view();
        let wanted = |id: &Uuid| {
            view.unit(*id).is_some_and(|unit| {
                (message.show_retired || unit.valid_to_us.is_none())
                    && (message.kind == 0 || unit.kind as i32 == message.kind)
                    && parent.is_none_or(|parent| unit.parent == Some(parent))
            }) && visible.contains(*id)
        };
        // Breadth first, so that parents come before children.
        let top = ancestor.or(parent).or(view.root());
        let all = top.map(|top| view.subtree(top)).unwrap_or_default();
        let begin = page.after.map_or(0, |after| {
            let seen = all.iter().position(|id| *id == after);
            seen.map_or(all.len(), |seen| seen + 1)
        });
        let mut ids: Vec<Uuid> =
            all.into_iter().skip(begin).filter(wanted).take(page.size() + 1).collect();
        let next_page_token = page.close(&mut ids, |id| *id);
        let units = self.in_order(&caller, view, &ids).await?;
        Ok(Response::new(ListUnitsResponse { units, next_page_token }))
    }

    async fn in_order(
        &self,
        caller: &Caller,
        view: &OrgView,
        ids: &[Uuid],
    ) -> Result<Vec<pb::Unit>> {
        let rows = units::find_all(self.0.db.read(), caller.org, ids).await?;
        let mut by_id: std::collections::HashMap<Uuid, Unit> =
            rows.into_iter().map(|unit| (unit.id, unit)).collect();
        let found = ids.iter().filter_map(|id| by_id.remove(id));
        Ok(found.map(|unit| events::unit(&unit, &view.path(unit.id))).collect())
    }

    async fn update(&self, request: Request<UpdateUnitRequest>) -> Result<Response<pb::Unit>> {
        let (caller, message) = open_change(request, "unit")?;
        let given = message.unit.unwrap_or_default();
        let id = id_of("units", "unit.name", &given.name)?;
        authorize_edit(&caller, id)?;
        let mask = Mask::read(message.update_mask.as_ref(), &CHANGEABLE)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let before = find(work.conn(), caller.org, id).await?;
        check_etag(&given.etag, before.version)?;
        mask.keeps("unit.parent", &given.parent, &names::print_opt("units", before.parent))?;
        let mut unit = changed(&before, &given, &mask)?;
        let zone = std::mem::replace(&mut unit.time_zone, before.time_zone.clone());
        unit.change_zone(zone, work.now_us);
        let path = units::path(work.conn(), caller.org, id).await?;
        if unit == before {
            return Ok(Response::new(events::unit(&unit, &path)));
        }
        if !before.in_use() {
            return Err(ServiceError::wrong_state("the unit is retired"));
        }
        check_name(&work, &unit).await?;
        check_code(&work, &unit).await?;
        unit.version += 1;
        units::update(work.conn(), caller.org, &unit).await?;
        work.note(note(&caller, &unit, difference(&before, &unit)));
        let answer = events::unit(&unit, &path);
        work.emit(Event::Unit(unit));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn shift(&self, request: Request<MoveUnitRequest>) -> Result<Response<pb::Unit>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("units", "name", &message.name)?;
        let parent = id_of("units", "parent", &message.parent)?;
        authorize_edit(&caller, id)?;
        caller.authorize(parent)?;
        // Decided twice: what was right when the call came and is wrong when its turn has come
        // lost against another change, and the caller should look again.
        let first = decide_move(self.0.db.read(), caller.org, id, parent).await?.1;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let (mut unit, decision) = decide_move(work.conn(), caller.org, id, parent).await?;
        check_etag(&message.etag, unit.version)?;
        match (first, decision) {
            (Ok(()), Err(_)) => return Err(ServiceError::stale()),
            (_, decision) => decision.map_err(refusal)?,
        }
        let mut path = units::path(work.conn(), caller.org, parent).await?;
        path.push(id);
        if unit.parent == Some(parent) {
            return Ok(Response::new(events::unit(&unit, &path)));
        }
        let detail = json!({ "parent": {
            "from": names::print_opt("units", unit.parent), "to": message.parent,
        }});
        unit.move_below(parent, work.now_us);
        unit.version += 1;
        units::update(work.conn(), caller.org, &unit).await?;
        work.note(note(&caller, &unit, detail));
        let answer = events::unit(&unit, &path);
        work.emit(Event::Unit(unit));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn retire(&self, request: Request<RetireUnitRequest>) -> Result<Response<pb::Unit>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("units", "name", &message.name)?;
        authorize_edit(&caller, id)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let mut unit = find(work.conn(), caller.org, id).await?;
        let path = units::path(work.conn(), caller.org, id).await?;
        if !unit.in_use() {
            return Ok(Response::new(events::unit(&unit, &path)));
        }
        let children = units::count_children(work.conn(), caller.org, id).await?;
        let people = staff::count_active(work.conn(), caller.org, id).await?;
        check_retire(&unit, children, people).map_err(refusal)?;
        unit.valid_to_us = Some(work.now_us);
        unit.version += 1;
        units::update(work.conn(), caller.org, &unit).await?;
        work.note(note(&caller, &unit, json!({ "validTo": work.now_us })));
        let answer = events::unit(&unit, &path);
        work.emit(Event::Unit(unit));
        Ok(answered(answer, &work.commit().await?))
    }
}

/// A unit that has to exist.
pub async fn find(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<Unit> {
    units::find(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("unit"))
}

/// A unit that has to exist and not to be retired.
pub async fn find_in_use(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<Unit> {
    let unit = find(conn, org, id).await?;
    if unit.in_use() { Ok(unit) } else { Err(ServiceError::wrong_state("the unit is retired")) }
}

/// Who manages a subtree changes what lies below its top; the top itself belongs to whoever
/// manages the unit above.
fn authorize_edit(caller: &Caller, id: Uuid) -> Result<()> {
    caller.authorize(id)?;
    let parent = caller.view()?.unit(id).and_then(|unit| unit.parent);
    match parent {
        Some(above) if !caller.may(Permission::OrgEdit, above) => Err(ServiceError::denied()),
        _ => Ok(()),
    }
}

async fn decide_move(
    conn: &impl Connection,
    org: Uuid,
    id: Uuid,
    parent: Uuid,
) -> Result<(Unit, std::result::Result<(), Error>)> {
    let unit = find(conn, org, id).await?;
    let above = find(conn, org, parent).await?;
    let place = units::place(conn, org, &above, &unit.display_name, id).await?;
    let height = units::height(conn, org, id).await?;
    let decision = check_move(&unit, height, &place);
    Ok((unit, decision))
}

async fn check_name(work: &Work, unit: &Unit) -> Result<()> {
    let Some(parent) = unit.parent else { return Ok(()) };
    let taken =
        units::name_taken(work.conn(), work.org(), parent, &unit.display_name, unit.id).await?;
    if taken {
        return Err(ServiceError::already_exists("a sibling has this name already"));
    }
    Ok(())
}

async fn check_code(work: &Work, unit: &Unit) -> Result<()> {
    if units::code_taken(work.conn(), work.org(), &unit.code, unit.id).await? {
        return Err(ServiceError::already_exists("a unit has this code already"));
    }
    Ok(())
}

/// A new unit, still without id.
fn read(given: &pb::Unit, parent: Uuid, now_us: i64) -> Result<Unit> {
    let kind = UnitKind::from_number(given.kind)
        .ok_or_else(|| ServiceError::invalid("unit.kind", "is required"))?;
    let valid_from_us = given.valid_from.as_ref().map_or(now_us, time::to_us);
    if valid_from_us > now_us {
        return Err(ServiceError::invalid("unit.validFrom", "is in the future"));
    }
    if given.valid_to.is_some() {
        return Err(ServiceError::invalid("unit.validTo", "is set by retiring the unit"));
    }
    let blank = Unit {
        id: Uuid::nil(),
        parent: Some(parent),
        kind,
        display_name: String::new(),
        code: String::new(),
        time_zone: String::new(),
        opening_hours: Vec::new(),
        valid_from_us,
        valid_to_us: None,
        move_us: valid_from_us,
        former_parents: Vec::new(),
        zone_us: 0,
        former_zones: Vec::new(),
        version: 1,
    };
    let everything = Mask::read(Some(&mask_of_all()), &CHANGEABLE)?;
    changed(&Unit { kind, ..blank }, given, &everything)
}

fn mask_of_all() -> prost_types::FieldMask {
    prost_types::FieldMask { paths: vec!["*".to_owned()] }
}

/// `before` with the given fields.
fn changed(before: &Unit, given: &pb::Unit, mask: &Mask) -> Result<Unit> {
    let mut unit = before.clone();
    if mask.covers("display_name", !given.display_name.is_empty()) {
        let name = text::display_name("unit.displayName", &given.display_name);
        unit.display_name = name.map_err(refusal)?;
    }
    if mask.covers("code", !given.code.is_empty()) {
        unit.code = text::plain("unit.code", &given.code).map_err(refusal)?;
    }
    if mask.covers("time_zone", !given.time_zone.is_empty()) {
        unit.time_zone = text::time_zone("unit.timeZone", &given.time_zone).map_err(refusal)?;
    }
    if mask.covers("opening_hours", !given.opening_hours.is_empty()) {
        let hours: Vec<_> = given
            .opening_hours
            .iter()
            .map(|h| (h.weekday, h.open_minute, h.close_minute))
            .collect();
        unit.opening_hours = opening_hours("unit.openingHours", &hours).map_err(refusal)?;
    }
    if given.kind != 0 && given.kind != i32::from(before.kind.number()) {
        return Err(ServiceError::invalid("unit.kind", "cannot be changed"));
    }
    Ok(unit)
}

fn note(caller: &Caller, unit: &Unit, detail: Value) -> Note {
    Note::ok(caller, names::print("units", unit.id), Some(unit.id), detail)
}

fn difference(before: &Unit, after: &Unit) -> Value {
    let mut changes = serde_json::Map::new();
    let mut put = |field: &str, from: &str, to: &str| {
        if from != to {
            changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    };
    put("displayName", &before.display_name, &after.display_name);
    put("code", &before.code, &after.code);
    put("timeZone", &before.time_zone, &after.time_zone);
    if before.opening_hours != after.opening_hours {
        changes.insert("openingHours".to_owned(), Value::Bool(true));
    }
    Value::Object(changes)
}
