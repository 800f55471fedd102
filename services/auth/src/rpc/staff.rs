//! People who serve at windows.

use std::sync::Arc;

use auth_domain::{
    event::Event,
    staff::{self as domain, STAFF_MAX},
    text,
};
use kit::{
    auth::{Caller, open_change, open_request},
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{
    auth::v1::{
        self as pb, CreateStaffRequest, GetStaffRequest, ListStaffRequest, ListStaffResponse,
        RetireStaffRequest, UpdateStaffRequest, staff_service_server::StaffService,
    },
    common::v1::Reason,
    names,
};
use serde_json::json;
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{Answer, answered, check_etag, id_of, optional_id, refusal, scan, units::find_in_use};
use crate::{
    core::Core,
    events,
    store::{Connection, staff, users},
    work::{Note, Work},
};

const CHANGEABLE: [&str; 4] = ["display_name", "staff_number", "unit", "user"];

/// Handlers of the staff service.
pub struct StaffMembers(pub Arc<Core>);

#[tonic::async_trait]
impl StaffService for StaffMembers {
    async fn create_staff(&self, request: Request<CreateStaffRequest>) -> Answer<pb::Staff> {
        Ok(self.create(request).await?)
    }

    async fn get_staff(&self, request: Request<GetStaffRequest>) -> Answer<pb::Staff> {
        let (caller, message) = open_request(request)?;
        let id = id_of("staff", "name", &message.name)?;
        let found = find(self.0.db.read(), caller.org, id).await?;
        caller.authorize_object(found.unit, "staff")?;
        Ok(Response::new(events::staff(&found)))
    }

    async fn list_staff(&self, request: Request<ListStaffRequest>) -> Answer<ListStaffResponse> {
        Ok(self.list(request).await?)
    }

    async fn update_staff(&self, request: Request<UpdateStaffRequest>) -> Answer<pb::Staff> {
        Ok(self.update(request).await?)
    }

    async fn retire_staff(&self, request: Request<RetireStaffRequest>) -> Answer<pb::Staff> {
        Ok(self.retire(request).await?)
    }
}

impl StaffMembers {
    async fn create(&self, request: Request<CreateStaffRequest>) -> Result<Response<pb::Staff>> {
        let core = &self.0;
        let (caller, message) = open_request(request)?;
        let given = message.staff.clone().unwrap_or_default();
        let unit = id_of("units", "staff.unit", &given.unit)?;
        caller.authorize(unit)?;
        let added = domain::Staff {
            id: core.new_id(),
            number: domain::number("staff.staffNumber", &given.staff_number).map_err(refusal)?,
            display_name: text::display_name("staff.displayName", &given.display_name)
                .map_err(refusal)?,
            unit,
            user: optional_id("users", "staff.user", &given.user)?,
            retire_us: None,
            version: 1,
            create_us: core.now_us(),
        };
        let mut work = Work::begin(core, caller.org).await?;
        let key = &message.request_id;
        if let Some(earlier) = idempotency::replay(work.tx(), &caller, key, &message).await? {
            return Ok(Response::new(earlier));
        }
        if staff::count(work.conn(), caller.org).await? >= STAFF_MAX {
            let text = "the organisation has as many staff as it may have";
            return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
        }
        find_in_use(work.conn(), caller.org, unit).await?;
        check_unique(&work, &caller, &added).await?;
        staff::insert(work.conn(), caller.org, &added).await?;
        let answer = events::staff(&added);
        work.note(note(&caller, &added, json!({ "staffNumber": added.number })));
        work.emit(Event::Staff(added));
        let clock = core.clock.as_ref();
        idempotency::remember(work.tx(), &caller, key, &message, &answer, clock).await?;
        Ok(answered(answer, &work.commit().await?))
    }

    async fn list(
        &self,
        request: Request<ListStaffRequest>,
    ) -> Result<Response<ListStaffResponse>> {
        let (caller, message) = open_request(request)?;
        let visible = caller.visible()?;
        let unit = optional_id("units", "unit", &message.unit)?;
        if let Some(unit) = unit {
            caller.authorize(unit)?;
        }
        let listed = format!(
            "staff|{}|{}|{}|{}",
            caller.org, message.unit, message.staff_number, message.show_retired
        );
        let page = self.0.pages.open(listed, message.page_size, &message.page_token)?;
        let number = Some(message.staff_number.trim().to_owned());
        let filter = staff::Filter {
            number: number.filter(|number| !number.is_empty()),
            retired: message.show_retired,
            units: visible.narrowed(unit)?,
        };
        let fetch = |after: Option<String>, limit| {
            let (conn, filter) = (self.0.db.read().clone(), filter.clone());
            let org = caller.org;
            async move { staff::list(&conn, org, &filter, after.as_deref(), limit).await }
        };
        let view = visible.view();
        let inside = |id: Uuid| unit.is_none_or(|unit| view.is_within(id, unit));
        let keep = |row: &domain::Staff| visible.contains(row.unit) && inside(row.unit);
        let (rows, next_page_token) =
            scan::fill(page, fetch, |row| row.number.clone(), keep).await?;
        Ok(Response::new(ListStaffResponse {
            staff: rows.iter().map(events::staff).collect(),
            next_page_token,
        }))
    }

    async fn update(&self, request: Request<UpdateStaffRequest>) -> Result<Response<pb::Staff>> {
        let (caller, message) = open_change(request, "staff")?;
        let given = message.staff.unwrap_or_default();
        let id = id_of("staff", "staff.name", &given.name)?;
        let seen = find(self.0.db.read(), caller.org, id).await?;
        caller.authorize_object(seen.unit, "staff")?;
        let mask = Mask::read(message.update_mask.as_ref(), &CHANGEABLE)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let before = find(work.conn(), caller.org, id).await?;
        // The member may have moved while this call waited for its turn.
        caller.authorize_object(before.unit, "staff")?;
        check_etag(&given.etag, before.version)?;
        let mut changed = changed(&before, &given, &mask)?;
        if changed == before {
            return Ok(Response::new(events::staff(&before)));
        }
        if before.retire_us.is_some() {
            return Err(ServiceError::wrong_state("the staff member has left"));
        }
        if changed.unit != before.unit {
            caller.authorize(changed.unit)?;
            find_in_use(work.conn(), caller.org, changed.unit).await?;
        }
        check_unique(&work, &caller, &changed).await?;
        changed.version += 1;
        staff::update(work.conn(), caller.org, &changed).await?;
        work.note(note(&caller, &changed, difference(&before, &changed)));
        let answer = events::staff(&changed);
        work.emit(Event::Staff(changed));
        Ok(answered(answer, &work.commit().await?))
    }

    async fn retire(&self, request: Request<RetireStaffRequest>) -> Result<Response<pb::Staff>> {
        let (caller, message) = open_request(request)?;
        let id = id_of("staff", "name", &message.name)?;
        let mut work = Work::begin(&self.0, caller.org).await?;
        let mut retired = find(work.conn(), caller.org, id).await?;
        caller.authorize_object(retired.unit, "staff")?;
        if retired.retire_us.is_some() {
            return Ok(Response::new(events::staff(&retired)));
        }
        retired.retire_us = Some(work.now_us);
        retired.version += 1;
        staff::update(work.conn(), caller.org, &retired).await?;
        work.note(note(&caller, &retired, json!({ "retireTime": work.now_us })));
        let answer = events::staff(&retired);
        work.emit(Event::Staff(retired));
        Ok(answered(answer, &work.commit().await?))
    }
}

async fn find(conn: &impl Connection, org: Uuid, id: Uuid) -> Result<domain::Staff> {
    staff::find(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("staff"))
}

/// Number and user account belong to one staff member.
async fn check_unique(work: &Work, caller: &Caller, member: &domain::Staff) -> Result<()> {
    let (conn, org) = (work.conn(), work.org());
    if staff::number_taken(conn, org, &member.number, member.id).await? {
        return Err(ServiceError::already_exists("this staff number is taken"));
    }
    let Some(id) = member.user else { return Ok(()) };
    let user = users::find(conn, org, id).await?.ok_or_else(|| ServiceError::not_found("user"))?;
    if caller.permissions_on(user.unit)?.is_empty() {
        return Err(ServiceError::not_found("user"));
    }
    if staff::user_taken(conn, org, id, member.id).await? {
        return Err(ServiceError::already_exists("the user belongs to another staff member"));
    }
    Ok(())
}

fn changed(before: &domain::Staff, given: &pb::Staff, mask: &Mask) -> Result<domain::Staff> {
    let mut member = before.clone();
    if mask.covers("display_name", !given.display_name.is_empty()) {
        let name = text::display_name("staff.displayName", &given.display_name);
        member.display_name = name.map_err(refusal)?;
    }
    if mask.covers("staff_number", !given.staff_number.is_empty()) {
        let number = domain::number("staff.staffNumber", &given.staff_number);
        member.number = number.map_err(refusal)?;
    }
    if mask.covers("unit", !given.unit.is_empty()) {
        member.unit = id_of("units", "staff.unit", &given.unit)?;
    }
    if mask.covers("user", !given.user.is_empty()) {
        member.user = optional_id("users", "staff.user", &given.user)?;
    }
    Ok(member)
}

/// Names of changed fields; a display name is personal, so that its values stay out.
fn difference(before: &domain::Staff, after: &domain::Staff) -> serde_json::Value {
    let mut changes = serde_json::Map::new();
    if before.display_name != after.display_name {
        changes.insert("displayName".to_owned(), true.into());
    }
    let mut put = |field: &str, from: String, to: String| {
        if from != to {
            changes.insert(field.to_owned(), json!({ "from": from, "to": to }));
        }
    };
    put("staffNumber", before.number.clone(), after.number.clone());
    put("unit", names::print("units", before.unit), names::print("units", after.unit));
    put("user", names::print_opt("users", before.user), names::print_opt("users", after.user));
    serde_json::Value::Object(changes)
}

fn note(caller: &Caller, member: &domain::Staff, detail: serde_json::Value) -> Note {
    Note::ok(caller, names::print("staff", member.id), Some(member.unit), detail)
}
