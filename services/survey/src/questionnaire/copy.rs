//! Copies, imports and exports.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{names, survey::v1};
use survey_domain::{
    library,
    questionnaire::{Definition, canonical, check::check},
    surveyjs::{self, Outcome, Remark},
};

use super::{
    SCHEMA_1_NAME,
    change::{Draft, keep},
    convert_back, ground,
};
use crate::state::App;

/// Copies a questionnaire or a template of the library into a new draft.
pub async fn copy(
    app: &App,
    caller: &Caller,
    request: v1::CopyQuestionnaireRequest,
) -> Result<v1::Questionnaire> {
    let unit = ground::unit("unit", &request.unit)?;
    caller.authorize(unit)?;
    let (mut definition, copied_from) = source(app, caller, &request).await?;
    for (language, title) in &request.title {
        definition.title.insert(language.clone(), title.clone());
    }
    let message = convert_back::definition(&definition);
    let definition = ground::sound("definition", message)?;
    let draft = Draft { unit, definition, copied_from };
    // The source may have changed since the first call; what was asked for has not.
    keep(app, caller, draft, &request.request_id, &request).await
}

async fn source(
    app: &App,
    caller: &Caller,
    request: &v1::CopyQuestionnaireRequest,
) -> Result<(Definition, String)> {
    match (request.source.is_empty(), request.template.is_empty()) {
        (true, false) => {
            let found = library::template(&request.template);
            let template = found.ok_or_else(|| ServiceError::not_found("template"))?;
            Ok((template.definition.clone(), template.key.to_owned()))
        }
        (false, true) => {
            if request.version < 0 {
                return Err(ServiceError::invalid("version", "is negative"));
            }
            let record = ground::readable(app, caller, &request.source).await?;
            let version = ground::version(app, &record, request.version).await?;
            Ok((version.definition().clone(), request.source.clone()))
        }
        _ => Err(ServiceError::invalid("source", "name a source, or else a template")),
    }
}

/// A questionnaire as one document.
pub async fn export(
    app: &App,
    caller: &Caller,
    request: &v1::ExportQuestionnaireRequest,
) -> Result<v1::QuestionnaireDocument> {
    let record = ground::readable(app, caller, &request.name).await?;
    let version = ground::version(app, &record, request.version).await?;
    Ok(v1::QuestionnaireDocument {
        schema: SCHEMA_1_NAME.to_owned(),
        definition: Some(convert_back::definition(version.definition())),
        hash: version.hash.clone(),
        source: names::print("questionnaires", record.id),
        version: version.number,
    })
}

/// A draft of a document.
pub async fn import(
    app: &App,
    caller: &Caller,
    request: v1::ImportQuestionnaireRequest,
) -> Result<v1::Questionnaire> {
    let unit = ground::unit("unit", &request.unit)?;
    caller.authorize(unit)?;
    let document = request.document.clone().unwrap_or_default();
    if document.schema != SCHEMA_1_NAME {
        let text = format!("is not {SCHEMA_1_NAME}");
        return Err(ServiceError::invalid("document.schema", text));
    }
    let message = document.definition.unwrap_or_default();
    let definition = ground::sound("document.definition", message)?;
    if !document.hash.is_empty() && document.hash != canonical::hash(&definition) {
        let text = "does not fit the definition: the document was changed after its export";
        return Err(ServiceError::invalid("document.hash", text));
    }
    let copied_from = document.source.chars().take(100).collect();
    let draft = Draft { unit, definition, copied_from };
    keep(app, caller, draft, &request.request_id, &request).await
}

/// A draft of a SurveyJS questionnaire.
pub async fn import_survey_js(
    app: &App,
    caller: &Caller,
    request: v1::ImportSurveyJsRequest,
) -> Result<v1::ImportSurveyJsResponse> {
    let unit = ground::unit("unit", &request.unit)?;
    caller.authorize(unit)?;
    let imported =
        surveyjs::import(&request.json).map_err(|text| ServiceError::invalid("json", text))?;
    if let Some(problem) = check(&imported.definition).into_iter().next() {
        let text =
            format!("makes no sound questionnaire: {} {}", problem.place, problem.description);
        return Err(ServiceError::invalid("json", text));
    }
    let message = convert_back::definition(&imported.definition);
    let definition = ground::sound("json", message.clone())?;
    let remarks = imported.remarks.into_iter().map(remark).collect();
    if request.dry_run {
        let unit = request.unit;
        let draft = v1::Questionnaire { unit, definition: Some(message), ..Default::default() };
        return Ok(v1::ImportSurveyJsResponse { questionnaire: Some(draft), remarks });
    }
    let draft = Draft { unit, definition, copied_from: "SurveyJS".to_owned() };
    let questionnaire = keep(app, caller, draft, &request.request_id, &request).await?;
    Ok(v1::ImportSurveyJsResponse { questionnaire: Some(questionnaire), remarks })
}

fn remark(remark: Remark) -> v1::ImportRemark {
    let outcome = match remark.outcome {
        Outcome::LeftOut => v1::ImportOutcome::LeftOut,
        Outcome::Changed => v1::ImportOutcome::Changed,
    };
    v1::ImportRemark {
        pointer: remark.pointer,
        outcome: outcome as i32,
        description: remark.description,
        question: remark.question,
    }
}

/// The library, with titles only or whole.
pub fn template(found: &library::Template, whole: bool) -> v1::QuestionnaireTemplate {
    let definition = convert_back::definition(&found.definition);
    let definition = match whole {
        true => definition,
        false => v1::Definition { title: definition.title, ..Default::default() },
    };
    v1::QuestionnaireTemplate {
        key: found.key.to_owned(),
        purpose: found.purpose.clone(),
        definition: Some(definition),
        question_count: i32::try_from(found.questions).unwrap_or(i32::MAX),
        minutes: found.minutes,
    }
}
