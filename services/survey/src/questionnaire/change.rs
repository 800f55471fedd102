//! Creating, changing, closing and deleting.

use kit::{
    audit,
    auth::Caller,
    clock::new_id,
    db::WriteTx,
    error::{Result, ServiceError},
    idempotency,
    mask::Mask,
};
use proto::{common::v1::Reason, names, survey::v1};
use serde_json::json;
use survey_domain::questionnaire::{
    Definition,
    record::{QUESTIONNAIRES_MAX, Record},
};
use tonic::Code;
use uuid::Uuid;

use super::{convert_back, ground};
use crate::{state::App, store};

/// A new questionnaire before it has an id.
pub struct Draft {
    /// Unit that it shall belong to; the caller may manage questionnaires there.
    pub unit: Uuid,
    /// What it asks.
    pub definition: Definition,
    /// What it was copied from, or empty.
    pub copied_from: String,
}

/// Creates a questionnaire.
pub async fn create(
    app: &App,
    caller: &Caller,
    request: v1::CreateQuestionnaireRequest,
) -> Result<v1::Questionnaire> {
    let wanted = request.questionnaire.clone().unwrap_or_default();
    let unit = ground::unit("questionnaire.unit", &wanted.unit)?;
    caller.authorize(unit)?;
    let message = wanted.definition.unwrap_or_default();
    let definition = ground::sound("questionnaire.definition", message)?;
    let draft = Draft { unit, definition, copied_from: String::new() };
    keep(app, caller, draft, &request.request_id, &request).await
}

/// Keeps a new draft. `key` and `request` make a repeated call harmless.
pub async fn keep(
    app: &App,
    caller: &Caller,
    draft: Draft,
    key: &str,
    request: &impl prost::Message,
) -> Result<v1::Questionnaire> {
    let tx = app.db.begin().await?;
    if let Some(answer) = idempotency::replay(&tx, caller, key, request).await? {
        return Ok(answer);
    }
    let answer = insert(app, caller, &tx, draft).await?;
    idempotency::remember(&tx, caller, key, request, &answer, app.clock.as_ref()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Adds a draft within a transaction.
pub async fn insert(
    app: &App,
    caller: &Caller,
    tx: &WriteTx,
    draft: Draft,
) -> Result<v1::Questionnaire> {
    if store::questionnaire::count(tx.conn(), caller.org).await? >= QUESTIONNAIRES_MAX {
        let text = format!("there are {QUESTIONNAIRES_MAX} questionnaires; delete some");
        return Err(ServiceError::new(Code::ResourceExhausted, Reason::LimitReached, text));
    }
    let now_us = app.clock.now_us();
    let id = new_id(app.clock.as_ref());
    let mut record = Record::new(id, caller.org, draft.unit, draft.definition, now_us);
    record.copied_from = draft.copied_from;
    store::questionnaire::insert(tx.conn(), &record).await?;
    let detail = json!({
        "title": record.definition.title, "hash": record.hash, "copiedFrom": record.copied_from,
    });
    recorded(app, caller, tx, &record, detail).await?;
    Ok(convert_back::record(&record))
}

/// Writes the audit record of a change.
pub async fn recorded(
    app: &App,
    caller: &Caller,
    tx: &WriteTx,
    record: &Record,
    detail: serde_json::Value,
) -> Result<()> {
    let object = names::print("questionnaires", record.id);
    audit::record(tx, caller, &object, Some(record.unit), detail, app.clock.as_ref()).await
}

/// Saves a record that was read at revision `before`.
pub async fn save(tx: &WriteTx, record: &Record, before: i64) -> Result<()> {
    match store::questionnaire::update(tx.conn(), record, before).await? {
        true => Ok(()),
        false => Err(ServiceError::stale()),
    }
}

/// Changes the draft or the unit.
pub async fn update(
    app: &App,
    caller: &Caller,
    request: v1::UpdateQuestionnaireRequest,
) -> Result<v1::Questionnaire> {
    let wanted = request.questionnaire.unwrap_or_default();
    let mask = Mask::read(request.update_mask.as_ref(), &["unit", "definition"])?;
    let wants_unit = mask.covers("unit", !wanted.unit.is_empty());
    let definition = match mask.covers("definition", wanted.definition.is_some()) {
        true => {
            let message = wanted.definition.unwrap_or_default();
            Some(ground::sound("questionnaire.definition", message)?)
        }
        false => None,
    };
    let tx = app.db.begin().await?;
    let mut record = ground::changeable(tx.conn(), caller, &wanted.name)
        .await
        .map_err(|error| in_field(error, "questionnaire.name"))?;
    if !wanted.etag.is_empty() && wanted.etag != convert_back::etag(&record) {
        return Err(ServiceError::stale());
    }
    let (before, now_us) = (record.revision, app.clock.now_us());
    if wants_unit {
        let unit = ground::unit("questionnaire.unit", &wanted.unit)?;
        caller.authorize(unit)?;
        record.move_to(unit, now_us).map_err(ground::refused)?;
    }
    if let Some(definition) = definition {
        record.edit(definition, now_us).map_err(ground::refused)?;
    }
    if record.revision == before {
        return Ok(convert_back::record(&record));
    }
    save(&tx, &record, before).await?;
    let detail = json!({ "hash": record.hash, "unit": wanted.unit });
    recorded(app, caller, &tx, &record, detail).await?;
    tx.commit().await?;
    Ok(convert_back::record(&record))
}

/// A malformed name is told by the field that it was sent in.
fn in_field(error: ServiceError, field: &str) -> ServiceError {
    match error.violations().first() {
        Some(violation) => ServiceError::invalid(field, violation.description.clone()),
        None => error,
    }
}

/// Ends a questionnaire.
pub async fn close(
    app: &App,
    caller: &Caller,
    request: v1::CloseQuestionnaireRequest,
) -> Result<v1::Questionnaire> {
    let tx = app.db.begin().await?;
    let mut record = ground::changeable(tx.conn(), caller, &request.name).await?;
    let before = record.revision;
    if record.close(app.clock.now_us()) {
        save(&tx, &record, before).await?;
        recorded(app, caller, &tx, &record, json!({ "closed": true })).await?;
        tx.commit().await?;
    }
    Ok(convert_back::record(&record))
}

/// Deletes a draft, or takes a published questionnaire out of lists.
pub async fn delete(
    app: &App,
    caller: &Caller,
    request: v1::DeleteQuestionnaireRequest,
) -> Result<v1::DeleteQuestionnaireResponse> {
    let tx = app.db.begin().await?;
    let mut record = ground::changeable(tx.conn(), caller, &request.name).await?;
    let before = record.revision;
    if record.version == 0 {
        if !store::questionnaire::delete(tx.conn(), record.org, record.id).await? {
            return Err(ServiceError::stale());
        }
    } else if request.force {
        record.hide(app.clock.now_us());
        save(&tx, &record, before).await?;
    } else {
        let text = "it was published and may have answers; close it, or delete it with force";
        return Err(ServiceError::new(Code::FailedPrecondition, Reason::InUse, text));
    }
    let detail = json!({ "deleted": true, "versions": record.version });
    recorded(app, caller, &tx, &record, detail).await?;
    tx.commit().await?;
    Ok(v1::DeleteQuestionnaireResponse {})
}
