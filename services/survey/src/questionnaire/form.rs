//! The form as a respondent sees it.

use kit::{auth::Caller, error::Result};
use proto::{names, survey::v1};
use survey_domain::questionnaire::{
    Version,
    form::{Form, FormEnding, FormOption, FormQuestion, FormSection, Wanted, form},
    pipe::Escape,
};

use super::{answers, convert_back, ground};
use crate::state::App;

/// Renders a form for its author.
pub async fn render(
    app: &App,
    caller: &Caller,
    request: v1::RenderFormRequest,
) -> Result<v1::Form> {
    let record = ground::readable(app, caller, &request.name).await?;
    let version = ground::version(app, &record, request.version).await?;
    let wanted = Wanted {
        language: &request.language,
        seed: request.seed,
        escape: if request.html { Escape::Html } else { Escape::Plain },
    };
    let given = answers::answers_of(request.answers);
    let attributes = request.attributes;
    let drawn = form(&version, &given, &attributes, wanted);
    Ok(to_proto(&version, request.seed, drawn))
}

/// A form as the contract shows it.
pub fn to_proto(version: &Version, seed: u32, form: Form) -> v1::Form {
    let order = |(element, ids)| v1::ShownOrder { element, ids };
    v1::Form {
        questionnaire: names::print("questionnaires", version.questionnaire),
        version: version.number,
        hash: version.hash.clone(),
        language: form.language,
        languages: form.languages,
        seed,
        title: form.title,
        introduction: form.introduction,
        sections: form.sections.into_iter().map(section).collect(),
        ending: Some(ending(form.ending)),
        orders: form.orders.into_iter().map(order).collect(),
    }
}

fn ending(ending: FormEnding) -> v1::FormEnding {
    v1::FormEnding { id: ending.id, text: ending.text, screened_out: ending.screened_out }
}

fn section(section: FormSection) -> v1::FormSection {
    v1::FormSection {
        id: section.id,
        title: section.title,
        description: section.description,
        questions: section.questions.into_iter().map(question).collect(),
    }
}

fn question(shown: FormQuestion) -> v1::FormQuestion {
    let source = &shown.source;
    let (grade_min, grade_max) = shown.scale.unwrap_or((0, 0));
    let (fewest, most) = if source.is_choice() { source.choices() } else { (0, 0) };
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let grade = |grade: survey_domain::questionnaire::form::FormGrade| v1::FormGrade {
        grade: grade.grade,
        label: grade.label,
        face: grade.face,
        reasons: grade.reasons.into_iter().map(option).collect(),
    };
    v1::FormQuestion {
        id: source.id.clone(),
        kind: source.kind.number(),
        required: source.required,
        not_applicable: source.not_applicable,
        refusal: source.refusal,
        comment: source.comment,
        ties: source.ties,
        choices_min: number(fewest),
        choices_max: number(most),
        date_min: source.date_min.clone(),
        date_max: source.date_max.clone(),
        text_max: if source.kind.is_text() { number(source.text_limit()) } else { 0 },
        number: source.number.as_ref().map(|range| v1::NumberRange {
            unit: Default::default(),
            ..convert_back::number(range)
        }),
        text: shown.text,
        help: shown.help,
        grades: shown.grades.into_iter().map(grade).collect(),
        grade_min,
        grade_max,
        low_label: shown.low_label,
        high_label: shown.high_label,
        options: shown.options.into_iter().map(option).collect(),
        parts: shown.parts.into_iter().map(|(id, text)| v1::FormPart { id, text }).collect(),
        unit: shown.unit,
    }
}

fn option(option: FormOption) -> v1::FormOption {
    v1::FormOption {
        id: option.id,
        text: option.text,
        exclusive: option.exclusive,
        specify: option.specify,
    }
}
