//! Responses for staff: which campaigns and responses a caller may reach.

use kit::{
    auth::Caller,
    db::WriteTx,
    error::{Result, ServiceError},
};
use sea_orm::ConnectionTrait;
use survey_domain::{campaign::Campaign, response::Response};
use uuid::Uuid;

use crate::{
    convert,
    store::{fieldwork, response, response_draft},
};

/// A campaign on whose unit the caller holds the rule's permission.
///
/// # Errors
/// NOT_FOUND for what the caller may not know of, PERMISSION_DENIED for what is seen and not
/// allowed.
pub async fn campaign_to_read(
    conn: &impl ConnectionTrait,
    caller: &Caller,
    name: &str,
) -> Result<Campaign> {
    let id = convert::id("campaigns", "campaign", name)?;
    let found = fieldwork::campaign::find(conn, caller.org, id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("campaign"))?;
    caller.authorize_object(found.unit, "campaign")?;
    Ok(found)
}

/// A response about a unit on which the caller holds the rule's permission; errors as above.
pub async fn response_of(
    conn: &impl ConnectionTrait,
    caller: &Caller,
    name: &str,
) -> Result<Response> {
    let id = convert::id("responses", "name", name)?;
    let found = response::find(conn, caller.org, id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("response"))?;
    caller.authorize_object(found.unit, "response")?;
    Ok(found)
}

/// A campaign in which the caller may enter answers about a unit, and that unit: the campaign
/// reaches down to all units below its own, and whoever enters needs the right there only.
///
/// # Errors
/// NOT_FOUND for a campaign that the caller may not know of; INVALID_ARGUMENT for a unit that
/// the campaign is not about.
pub async fn campaign_to_enter(
    conn: &impl ConnectionTrait,
    caller: &Caller,
    name: &str,
    unit: Option<Uuid>,
) -> Result<(Campaign, Uuid)> {
    let id = convert::id("campaigns", "campaign", name)?;
    let found = fieldwork::campaign::find(conn, caller.org, id).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("campaign"))?;
    let unit = unit.unwrap_or(found.unit);
    caller.authorize_object(unit, "campaign")?;
    if !caller.view()?.is_within(unit, found.unit) {
        return Err(ServiceError::not_found("campaign"));
    }
    Ok((found, unit))
}

/// Takes a person out of the responses: answers stay, what was written freely, the customer and
/// the invitation go, and unfinished answers go entirely. Figures do not change, so the feed has
/// nothing to say. Answers how many responses were changed.
pub async fn forget_customer(tx: &WriteTx, org: Uuid, customer: Uuid) -> Result<usize> {
    let mut found = response::of_customer(tx, org, customer).await?;
    for response in &mut found {
        response.erase();
        response::save(tx, response).await?;
    }
    response_draft::remove_of_customers(tx, &[customer]).await?;
    Ok(found.len())
}
