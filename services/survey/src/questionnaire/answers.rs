//! Answers between the contract's messages and the domain's types, and the call that checks
//! them without keeping them.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::{survey::v1, validate::Violation};
use survey_domain::answer::{Answer, Answers, Extent, Problem, Value, check};

use super::ground;
use crate::state::App;

/// Answers as they were sent. `false` in "not applicable" and "prefer not to say" says nothing.
pub fn answers_of(messages: Vec<v1::Answer>) -> Answers {
    messages.into_iter().map(answer_of).collect()
}

fn answer_of(message: v1::Answer) -> Answer {
    use v1::answer::Value as Sent;
    let value = match message.value {
        None | Some(Sent::NotApplicable(false) | Sent::Refused(false)) => Value::None,
        Some(Sent::Grade(grade)) => Value::Grade(grade),
        Some(Sent::Options(options)) => Value::Options(options.ids),
        Some(Sent::Number(number)) => Value::Number(number),
        Some(Sent::Date(date)) => Value::Date(date),
        Some(Sent::Text(text)) => Value::Text(text),
        Some(Sent::NotApplicable(true)) => Value::NotApplicable,
        Some(Sent::Refused(true)) => Value::Refused,
    };
    Answer {
        question: message.question,
        part: message.part,
        value,
        specified: message.specified,
        reasons: message.reasons,
        comment: message.comment,
    }
}

/// Answers as the contract shows them.
pub fn answers_to(answers: &Answers) -> Vec<v1::Answer> {
    answers.0.iter().map(answer_to).collect()
}

fn answer_to(answer: &Answer) -> v1::Answer {
    use v1::answer::Value as Sent;
    let value = match &answer.value {
        Value::None => None,
        Value::Grade(grade) => Some(Sent::Grade(*grade)),
        Value::Options(ids) => Some(Sent::Options(v1::ChosenOptions { ids: ids.clone() })),
        Value::Number(number) => Some(Sent::Number(*number)),
        Value::Date(date) => Some(Sent::Date(date.clone())),
        Value::Text(text) => Some(Sent::Text(text.clone())),
        Value::NotApplicable => Some(Sent::NotApplicable(true)),
        Value::Refused => Some(Sent::Refused(true)),
    };
    v1::Answer {
        question: answer.question.clone(),
        part: answer.part.clone(),
        value,
        specified: answer.specified.clone(),
        reasons: answer.reasons.clone(),
        comment: answer.comment.clone(),
    }
}

/// Problems as field violations: `answers[3]` for one that was sent, `answers[q1/row]` for one
/// that is missing.
pub fn refused(problems: &[Problem]) -> ServiceError {
    let violation = |problem: &Problem| {
        let place = match (problem.index, problem.part.as_str()) {
            (Some(index), _) => index.to_string(),
            (None, "") => problem.question.clone(),
            (None, part) => format!("{}/{part}", problem.question),
        };
        let description = problem.description.clone();
        Violation { field: format!("answers[{place}]"), description }
    };
    ServiceError::invalid_fields(problems.iter().map(violation).collect())
}

/// A problem as the contract shows it.
pub fn problem_to(problem: &Problem) -> v1::AnswerProblem {
    let index = problem.index.and_then(|index| i32::try_from(index).ok());
    v1::AnswerProblem {
        index: index.unwrap_or(-1),
        question: problem.question.clone(),
        part: problem.part.clone(),
        rule: problem.rule as i32,
        description: problem.description.clone(),
    }
}

/// Checks answers without keeping them.
pub async fn check_answers(
    app: &App,
    caller: &Caller,
    request: v1::CheckAnswersRequest,
) -> Result<v1::CheckAnswersResponse> {
    let record = ground::readable(app, caller, &request.name).await?;
    let version = ground::version(app, &record, request.version).await?;
    let extent = if request.partial { Extent::Partial } else { Extent::Complete };
    let attributes = request.attributes;
    let checked = check(&version, &answers_of(request.answers), &attributes, extent)
        .map_err(|problems| refused(&problems))?;
    Ok(v1::CheckAnswersResponse {
        dropped: checked.dropped.iter().map(problem_to).collect(),
        visible: checked.visible,
        ending: checked.ending.unwrap_or_default(),
        screened_out: checked.screened_out,
        progress: checked.progress,
    })
}
