//! What could be better, and what is wrong with a definition that is kept nowhere yet.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{common::v1::Reason, survey::v1};
use survey_domain::{
    lint::{Finding, lint, minutes},
    questionnaire::{DEFINITION_BYTES_MAX, canonical, check::check},
};
use tonic::Code;

use super::{convert, ground};
use crate::state::App;

/// Findings on a draft or a version.
pub async fn questionnaire(
    app: &App,
    caller: &Caller,
    request: &v1::LintQuestionnaireRequest,
) -> Result<v1::LintQuestionnaireResponse> {
    let record = ground::readable(app, caller, &request.name).await?;
    let version = ground::version(app, &record, request.version).await?;
    let definition = version.definition();
    Ok(v1::LintQuestionnaireResponse {
        findings: lint(definition, &request.language).into_iter().map(finding).collect(),
        minutes: minutes(definition),
    })
}

/// Problems and findings of any definition.
pub fn definition(request: v1::CheckDefinitionRequest) -> Result<v1::CheckDefinitionResponse> {
    let message = request.definition.unwrap_or_default();
    if message.encoded_len() > DEFINITION_BYTES_MAX {
        let text = format!("the definition is larger than {DEFINITION_BYTES_MAX} bytes");
        return Err(ServiceError::new(Code::ResourceExhausted, Reason::TooLarge, text));
    }
    let definition = convert::definition(message);
    let problems = check(&definition);
    let sound = problems.is_empty();
    let problem = |problem: survey_domain::questionnaire::Problem| v1::DefinitionProblem {
        place: problem.place,
        description: problem.description,
    };
    let findings = if sound { lint(&definition, &request.language) } else { Vec::new() };
    Ok(v1::CheckDefinitionResponse {
        problems: problems.into_iter().map(problem).collect(),
        findings: findings.into_iter().map(finding).collect(),
        minutes: minutes(&definition),
        hash: if sound { canonical::hash(&definition) } else { String::new() },
    })
}

fn finding(finding: Finding) -> v1::LintFinding {
    v1::LintFinding {
        place: finding.place,
        element: finding.element,
        language: finding.language,
        rule: finding.rule as i32,
        severity: finding.severity as i32,
        reason: finding.reason,
        suggestion: finding.suggestion,
    }
}
