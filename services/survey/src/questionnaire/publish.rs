//! Publishing: the draft becomes the next version, and others learn what it asks.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, survey::v1};
use serde_json::json;
use survey_domain::{
    lint::lint,
    questionnaire::{check::check, record::Record},
};
use tonic::Code;

use super::{change, convert_back, events, ground};
use crate::{state::App, store};

/// Publishes the draft.
pub async fn publish(
    app: &App,
    caller: &Caller,
    request: v1::PublishQuestionnaireRequest,
) -> Result<v1::PublishQuestionnaireResponse> {
    let tx = app.db.begin().await?;
    let mut record = ground::changeable(tx.conn(), caller, &request.name).await?;
    if !is_current(&record, &request.etag) {
        return Err(ServiceError::stale());
    }
    // It was sound when it was kept, by the rules of that day.
    if let Some(problem) = check(&record.definition).into_iter().next() {
        let text = format!("{} {}", problem.place, problem.description);
        return Err(ServiceError::wrong_state(format!("the draft is not sound: {text}")));
    }
    refuse_on_findings(&record, request.refuse_from)?;
    let (before, now_us) = (record.revision, app.clock.now_us());
    let made = record.publish(caller.name(), request.note, now_us).map_err(ground::refused)?;
    let Some(version) = made else {
        let (org, id, number) = (record.org, record.id, record.version);
        let found = store::questionnaire::find_version(tx.conn(), org, id, number).await?;
        let latest = found.ok_or_else(|| ServiceError::internal("a version is missing"))?;
        return Ok(answer(&record, &latest));
    };
    change::save(&tx, &record, before).await?;
    store::questionnaire::insert_version(tx.conn(), record.org, &version).await?;
    app.outbox.append(&tx, events::published(record.org, &version)).await?;
    let detail = json!({ "version": version.version, "hash": version.hash });
    change::recorded(app, caller, &tx, &record, detail).await?;
    tx.commit().await?;
    app.outbox.committed();
    Ok(answer(&record, &version))
}

fn answer(
    record: &Record,
    version: &survey_domain::questionnaire::record::Published,
) -> v1::PublishQuestionnaireResponse {
    v1::PublishQuestionnaireResponse {
        questionnaire: Some(convert_back::record(record)),
        version: Some(convert_back::published(version)),
    }
}

/// Whether an etag is of the draft as it is. The publication of just this draft changed the
/// etag, so the same call sent again is current too.
fn is_current(record: &Record, etag: &str) -> bool {
    let before = Record { revision: record.revision - 1, ..record.clone() };
    etag == convert_back::etag(record)
        || (!record.has_unpublished_changes() && etag == convert_back::etag(&before))
}

fn refuse_on_findings(record: &Record, from: i32) -> Result<()> {
    if from == 0 {
        return Ok(());
    }
    let findings = lint(&record.definition, "en");
    let grave: Vec<_> = findings.iter().filter(|f| f.severity as i32 >= from).collect();
    let Some(first) = grave.first() else { return Ok(()) };
    let text = format!(
        "the lint finds {} that severe, the first at {}: {}",
        grave.len(),
        first.place,
        first.reason
    );
    Err(ServiceError::new(Code::FailedPrecondition, Reason::WrongState, text))
}
