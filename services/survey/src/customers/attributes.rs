//! Attributes that an organisation defines.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    error::{Result, ServiceError},
    idempotency,
};
use proto::survey::v1;
use serde_json::json;
use survey_domain::attribute::{ATTRIBUTES_MAX, Attribute};

use super::{
    classes::limit,
    convert::{attribute_kind, attribute_to},
};
use crate::{convert, state::App, store};

/// Defines an attribute.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateCustomerAttributeRequest,
) -> Result<v1::CustomerAttribute> {
    caller.authorize_organisation()?;
    let given = request.attribute.clone().unwrap_or_default();
    let (kind, choices) = attribute_kind(&given)?;
    let attribute = Attribute {
        id: new_id(app.clock.as_ref()),
        org: caller.org,
        code: given.code,
        label: given.label,
        kind,
        choices,
        personal: given.personal,
        create_us: app.clock.now_us(),
        retire_us: None,
    };
    attribute.check().map_err(|wrong| convert::error(wrong, "attribute."))?;
    let answer = attribute_to(&attribute);
    let key = request.request_id.as_str();
    let tx = app.db.begin().await?;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let known = store::customer_schema::attributes(tx.conn(), caller.org).await?;
    if known.iter().any(|other| other.code == attribute.code) {
        return Err(ServiceError::already_exists("an attribute with this code exists"));
    }
    if known.iter().filter(|other| other.retire_us.is_none()).count() >= ATTRIBUTES_MAX {
        return Err(limit(format!("the organisation has {ATTRIBUTES_MAX} attributes")));
    }
    store::customer_schema::insert_attribute(tx.conn(), &attribute).await?;
    let detail = json!({ "code": attribute.code, "personal": attribute.personal });
    audit::record(&tx, caller, &answer.name, None, detail, app.clock.as_ref()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Lists attributes.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCustomerAttributesRequest,
) -> Result<v1::ListCustomerAttributesResponse> {
    caller.visible()?;
    let found = store::customer_schema::attributes(app.db.read(), caller.org).await?;
    let wanted = found.iter().filter(|a| request.show_retired || a.retire_us.is_none());
    Ok(v1::ListCustomerAttributesResponse { attributes: wanted.map(attribute_to).collect() })
}

/// Takes an attribute out of use.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::CustomerAttribute> {
    caller.authorize_organisation()?;
    let id = convert::id("customerAttributes", "name", name)?;
    let tx = app.db.begin().await?;
    let known = store::customer_schema::attributes(tx.conn(), caller.org).await?;
    let found = known.into_iter().find(|attribute| attribute.id == id);
    let mut attribute = found.ok_or_else(|| ServiceError::not_found("attribute"))?;
    let now_us = app.clock.now_us();
    let table = "customer_attribute";
    if store::customer_schema::retire(tx.conn(), table, caller.org, id, now_us).await? {
        attribute.retire_us = Some(now_us);
        let detail = json!({ "retired": true });
        audit::record(&tx, caller, name, None, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(attribute_to(&attribute))
}
