//! Which campaign, plan or invitation a call is about, and whether the caller may act on it.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::common::v1::Permission;
use sea_orm::ConnectionTrait;
use survey_domain::{
    campaign::{Campaign, Settings},
    customer::Class,
    invitation::Invitation,
    plan::Plan,
    quota::Group,
};
use uuid::Uuid;

use crate::{
    convert,
    state::App,
    store::{self, customer_schema, fieldwork as stored, fieldwork::link::Link},
};

/// A campaign that the caller may act on by the rule of the method.
///
/// # Errors
/// NOT_FOUND also for campaigns that the caller may not know of; PERMISSION_DENIED for those that
/// it sees only.
pub async fn campaign(app: &App, caller: &Caller, field: &str, name: &str) -> Result<Campaign> {
    let id = convert::id("campaigns", field, name)?;
    let found = stored::campaign::find(app.db.read(), caller.org, id).await?;
    let campaign = found.ok_or_else(|| ServiceError::not_found("campaign"))?;
    caller.authorize_object(campaign.unit, "campaign")?;
    Ok(campaign)
}

/// A plan; as [`campaign`].
pub async fn plan(app: &App, caller: &Caller, field: &str, name: &str) -> Result<Plan> {
    let id = convert::id("plans", field, name)?;
    let org = match caller.is_internal() {
        true => return Err(ServiceError::not_found("plan")),
        false => caller.org,
    };
    let found = stored::plan::find(app.db.read(), org, id).await?;
    let plan = found.ok_or_else(|| ServiceError::not_found("plan"))?;
    caller.authorize_object(plan.unit, "plan")?;
    Ok(plan)
}

/// An invitation with its campaign; the permission is checked on the unit of the invitation.
pub async fn invitation(
    app: &App,
    caller: &Caller,
    field: &str,
    name: &str,
) -> Result<(Campaign, Invitation)> {
    let id = convert::id("invitations", field, name)?;
    let absent = || ServiceError::not_found("invitation");
    let conn = app.db.read();
    let found = stored::invitation::find(conn, caller.org, id).await?.ok_or_else(absent)?;
    caller.authorize_object(found.unit, "invitation")?;
    let campaign = stored::campaign::find(conn, caller.org, found.campaign).await?;
    Ok((campaign.ok_or_else(absent)?, found))
}

/// An open link with its campaign, on whose unit the permission is checked.
pub async fn link(app: &App, caller: &Caller, name: &str) -> Result<(Campaign, Link)> {
    let id = convert::id("links", "name", name)?;
    let absent = || ServiceError::not_found("link");
    let conn = app.db.read();
    let found = stored::link::find(conn, caller.org, id).await?.ok_or_else(absent)?;
    let campaign = stored::campaign::find(conn, caller.org, found.campaign).await?;
    let campaign = campaign.ok_or_else(absent)?;
    caller.authorize_object(campaign.unit, "link")?;
    Ok((campaign, found))
}

/// A unit in use on which the caller holds the rule's permission.
pub fn unit_in_use(caller: &Caller, unit: Uuid, field: &str) -> Result<()> {
    caller.authorize(unit)?;
    let view = caller.view()?;
    let known = view.unit(unit).ok_or_else(|| ServiceError::not_found("unit"))?;
    if known.valid_to_us.is_some() {
        return Err(ServiceError::wrong_state(format!("{field} is retired")));
    }
    Ok(())
}

/// Checks that everything that settings name exists, and may be used at `unit`.
///
/// # Errors
/// NOT_FOUND for what does not exist or is none of the caller's business; INVALID_ARGUMENT for a
/// unit outside of the campaign's.
pub async fn check_settings(
    app: &App,
    caller: &Caller,
    unit: Uuid,
    settings: &Settings,
    prefix: &str,
) -> Result<()> {
    let (conn, org) = (app.db.read(), caller.org);
    questionnaire(app, caller, unit, settings.questionnaire).await?;
    let view = caller.view()?;
    let mut units: Vec<(String, Uuid)> = Vec::new();
    let mut segments: Vec<Uuid> = Vec::new();
    for (i, quota) in settings.quotas.iter().enumerate() {
        match quota.group {
            Group::Unit(id) => units.push((format!("{prefix}quotas[{i}].unit"), id)),
            Group::Segment(id) => segments.push(id),
            Group::Class(id) => class(conn, org, id).await?,
        }
    }
    if let Some(design) = &settings.design {
        let named = design.units.iter().enumerate();
        units.extend(named.map(|(i, id)| (format!("{prefix}sampling.units[{i}]"), *id)));
        segments.extend(design.segment);
    }
    for (field, id) in units {
        if view.unit(id).is_none() {
            return Err(ServiceError::not_found("unit"));
        }
        if !view.is_within(id, unit) {
            return Err(ServiceError::invalid(field, "is not within the campaign's unit"));
        }
    }
    for id in segments {
        let found = customer_schema::segment(conn, org, id).await?;
        found.ok_or_else(|| ServiceError::not_found("segment"))?;
    }
    Ok(())
}

async fn class(conn: &impl ConnectionTrait, org: Uuid, id: Uuid) -> Result<()> {
    let known = customer_schema::classes(conn, org).await?;
    let found = known.into_iter().chain(Class::built_in(org)).any(|class| class.id == id);
    if found { Ok(()) } else { Err(ServiceError::not_found("customer class")) }
}

/// A questionnaire may be used at its own unit and below it, and by whoever reads it.
async fn questionnaire(app: &App, caller: &Caller, unit: Uuid, id: Uuid) -> Result<()> {
    let absent = || ServiceError::not_found("questionnaire");
    let found = store::questionnaire::find(app.db.read(), caller.org, id).await?;
    let found = found.filter(|record| record.delete_us.is_none()).ok_or_else(absent)?;
    let view = caller.view()?;
    if view.is_within(unit, found.unit) || caller.may(Permission::QuestionnaireRead, found.unit) {
        return Ok(());
    }
    Err(absent())
}

/// The version that a campaign asks: the one it names or, for 0, the newest; `None` when it is not
/// published or the questionnaire is closed.
pub async fn published(
    conn: &impl ConnectionTrait,
    org: Uuid,
    settings: &Settings,
) -> Result<Option<i32>> {
    let found = store::questionnaire::find(conn, org, settings.questionnaire).await?;
    let Some(record) = found.filter(|record| record.close_us.is_none()) else { return Ok(None) };
    let version = if settings.version == 0 { record.version } else { settings.version };
    Ok(Some(version).filter(|version| (1..=record.version).contains(version)))
}
