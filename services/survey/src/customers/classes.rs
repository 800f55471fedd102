//! Classes of customers. The built-in ones have fixed ids and are written down at their first
//! use.

use kit::{
    audit,
    auth::Caller,
    db::WriteTx,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use prost::Message as _;
use proto::{names, survey::v1};
use serde_json::json;
use survey_domain::customer::{Class, class_id};
use uuid::Uuid;

use super::convert::{class_event, class_to};
use crate::{convert, state::App, store};

/// Own classes in use that an organisation may have.
const CLASSES_MAX: usize = 50;

/// Writes the built-in classes down where that was not done; answers the events of it.
pub async fn ensure(tx: &WriteTx, org: Uuid) -> Result<Vec<v1::Event>> {
    let built_in: Vec<Class> = Class::built_in(org).collect();
    let added = store::customer_schema::insert_classes(tx.conn(), &built_in).await?;
    Ok(if added == 0 { Vec::new() } else { built_in.iter().map(class_event).collect() })
}

/// All classes; of an organisation that has used none the built-in ones as they will be.
pub async fn all(app: &App, org: Uuid) -> Result<Vec<Class>> {
    let mut classes = store::customer_schema::classes(app.db.read(), org).await?;
    for class in Class::built_in(org) {
        if !classes.iter().any(|known| known.id == class.id) {
            classes.push(class);
        }
    }
    classes.sort_by_key(|class| (!class.is_built_in(), class.code.clone()));
    Ok(classes)
}

/// Lists classes.
pub async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListCustomerClassesRequest,
) -> Result<v1::ListCustomerClassesResponse> {
    caller.visible()?;
    let classes = all(app, caller.org).await?;
    let wanted = classes.iter().filter(|c| request.show_retired || c.retire_us.is_none());
    Ok(v1::ListCustomerClassesResponse { customer_classes: wanted.map(class_to).collect() })
}

/// Defines a class.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: &v1::CreateCustomerClassRequest,
) -> Result<v1::CustomerClass> {
    caller.authorize_organisation()?;
    let given = request.customer_class.clone().unwrap_or_default();
    let class = Class {
        id: class_id(caller.org, &given.code),
        org: caller.org,
        code: given.code,
        label: given.label,
        weight: given.weight,
        version: 1,
        retire_us: None,
    };
    class.check().map_err(|wrong| convert::error(wrong, "customerClass."))?;
    let tx = app.db.begin().await?;
    let key = request.request_id.as_str();
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let mut events = ensure(&tx, caller.org).await?;
    let own = store::customer_schema::classes(tx.conn(), caller.org).await?;
    if own.iter().filter(|c| !c.is_built_in() && c.retire_us.is_none()).count() >= CLASSES_MAX {
        let text = format!("the organisation has {CLASSES_MAX} classes of its own");
        return Err(limit(text));
    }
    if store::customer_schema::insert_classes(tx.conn(), std::slice::from_ref(&class)).await? == 0 {
        return Err(ServiceError::already_exists("a class with this code exists"));
    }
    events.push(class_event(&class));
    let answer = class_to(&class);
    let detail = json!({ "code": class.code, "weight": class.weight });
    audit::record(&tx, caller, &answer.name, None, detail, app.clock.as_ref()).await?;
    app.outbox.append(&tx, v1::Events { items: events }.encode_to_vec()).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(answer)
}

/// RESOURCE_EXHAUSTED for one object too many.
pub fn limit(text: String) -> ServiceError {
    let reason = proto::common::v1::Reason::LimitReached;
    ServiceError::new(tonic::Code::ResourceExhausted, reason, text)
}

async fn class_named(tx: &WriteTx, caller: &Caller, field: &str, name: &str) -> Result<Class> {
    let id = convert::id("customerClasses", field, name)?;
    let classes = store::customer_schema::classes(tx.conn(), caller.org).await?;
    let found = classes.into_iter().find(|class| class.id == id);
    found.ok_or_else(|| ServiceError::not_found("class"))
}

/// Changes name or weight of a class.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateCustomerClassRequest,
) -> Result<v1::CustomerClass> {
    caller.authorize_organisation()?;
    let given = request.customer_class.unwrap_or_default();
    let mask = Mask::read(request.update_mask.as_ref(), &["label", "weight"])?;
    let tx = app.db.begin().await?;
    let mut events = ensure(&tx, caller.org).await?;
    let mut class = class_named(&tx, caller, "customerClass.name", &given.name).await?;
    convert::must_be_current(&given.etag, class.version)?;
    if class.retire_us.is_some() {
        return Err(ServiceError::wrong_state("the class is retired"));
    }
    let before = class.clone();
    if mask.covers("label", !given.label.is_empty()) {
        if class.is_built_in() {
            return Err(ServiceError::invalid("customerClass.label", "is fixed for this class"));
        }
        class.label = given.label;
    }
    mask.take("weight", given.weight, &mut class.weight);
    class.check().map_err(|wrong| convert::error(wrong, "customerClass."))?;
    if class != before {
        store::customer_schema::save_class(tx.conn(), &mut class).await?;
        events.push(class_event(&class));
        let detail = json!({ "weight": class.weight });
        let name = names::print("customerClasses", class.id);
        audit::record(&tx, caller, &name, None, detail, app.clock.as_ref()).await?;
    }
    if !events.is_empty() {
        app.outbox.append(&tx, v1::Events { items: events }.encode_to_vec()).await?;
    }
    tx.commit().await?;
    app.outbox.committed();
    Ok(class_to(&class))
}

/// Takes an own class out of use.
pub async fn retire(app: &App, caller: &Caller, name: &str) -> Result<v1::CustomerClass> {
    caller.authorize_organisation()?;
    let tx = app.db.begin().await?;
    ensure(&tx, caller.org).await?;
    let mut class = class_named(&tx, caller, "name", name).await?;
    if class.is_built_in() {
        return Err(ServiceError::wrong_state("a built-in class stays in use"));
    }
    let now_us = app.clock.now_us();
    let table = "customer_class";
    if store::customer_schema::retire(tx.conn(), table, caller.org, class.id, now_us).await? {
        class.retire_us = Some(now_us);
        let detail = json!({ "retired": true });
        audit::record(&tx, caller, name, None, detail, app.clock.as_ref()).await?;
        tx.commit().await?;
    }
    Ok(class_to(&class))
}
