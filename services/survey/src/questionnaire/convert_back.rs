//! Definitions, records and versions as the contract shows them.

use proto::{names, survey::v1, time};
use survey_domain::questionnaire::{
    Condition, Definition, Ending, Grade, Group, Jump, NumberBound, NumberRange, Pair, Question,
    QuestionOption, Row, Scale, Section, Term,
    record::{Published, Record},
};

/// The etag of a record.
pub fn etag(record: &Record) -> String {
    format!("{}-{}", record.revision, &record.hash[..record.hash.len().min(12)])
}

/// A questionnaire.
pub fn record(record: &Record) -> v1::Questionnaire {
    v1::Questionnaire {
        name: names::print("questionnaires", record.id),
        unit: names::print("units", record.unit),
        definition: Some(definition(&record.definition)),
        state: record.state as i32,
        version: record.version,
        unpublished_changes: record.has_unpublished_changes(),
        etag: etag(record),
        copied_from: record.copied_from.clone(),
        create_time: Some(time::from_us(record.create_us)),
        update_time: Some(time::from_us(record.change_us)),
        close_time: time::from_us_opt(record.close_us),
    }
}

/// A published version.
pub fn published(version: &Published) -> v1::QuestionnaireVersion {
    v1::QuestionnaireVersion {
        questionnaire: names::print("questionnaires", version.questionnaire),
        version: version.version,
        definition: Some(definition(&version.definition)),
        hash: version.hash.clone(),
        publish_time: Some(time::from_us(version.publish_us)),
        publisher: version.publisher.clone(),
        note: version.note.clone(),
    }
}

/// A definition.
pub fn definition(source: &Definition) -> v1::Definition {
    v1::Definition {
        title: source.title.clone(),
        introduction: source.introduction.clone(),
        default_language: source.default_language.clone(),
        scales: source.scales.iter().map(scale).collect(),
        sections: source.sections.iter().map(section).collect(),
        endings: source.endings.iter().map(ending).collect(),
        valid_from: source.valid_from.clone(),
        valid_to: source.valid_to.clone(),
    }
}

fn scale(source: &Scale) -> v1::Scale {
    v1::Scale {
        id: source.id.clone(),
        min: source.min,
        max: source.max,
        grades: source.grades.iter().map(grade).collect(),
        low_label: source.low_label.clone(),
        high_label: source.high_label.clone(),
        satisfied_from: source.satisfied_from,
        bad_to: source.bad_to,
        reversed: source.reversed,
    }
}

fn grade(source: &Grade) -> v1::ScaleGrade {
    v1::ScaleGrade {
        label: source.label.clone(),
        score_0_100: source.score_0_100,
        face: source.face.clone(),
        reasons: source.reasons.iter().map(option).collect(),
    }
}

fn section(source: &Section) -> v1::Section {
    v1::Section {
        id: source.id.clone(),
        title: source.title.clone(),
        description: source.description.clone(),
        show_if: source.show_if.as_ref().map(condition),
        questions: source.questions.iter().map(question).collect(),
        shuffle_questions: source.shuffle_questions,
    }
}

fn question(source: &Question) -> v1::Question {
    v1::Question {
        id: source.id.clone(),
        kind: source.kind.number(),
        text: source.text.clone(),
        help: source.help.clone(),
        required: source.required,
        not_applicable: source.not_applicable,
        refusal: source.refusal,
        scale: source.scale.clone(),
        options: source.options.iter().map(option).collect(),
        rows: source.rows.iter().map(row).collect(),
        expectation_pair: source.expectation_pair,
        pairs: source.pairs.iter().map(pair).collect(),
        ties: source.ties,
        choices_min: source.choices_min,
        choices_max: source.choices_max,
        number: source.number.as_ref().map(number),
        date_min: source.date_min.clone(),
        date_max: source.date_max.clone(),
        text_max: source.text_max,
        comment: source.comment,
        shuffle_options: source.shuffle_options,
        shuffle_rows: source.shuffle_rows,
        show_if: source.show_if.as_ref().map(condition),
        jumps: source.jumps.iter().map(jump).collect(),
    }
}

fn option(source: &QuestionOption) -> v1::QuestionOption {
    v1::QuestionOption {
        id: source.id.clone(),
        text: source.text.clone(),
        exclusive: source.exclusive,
        specify: source.specify,
        fixed: source.fixed,
    }
}

fn row(source: &Row) -> v1::Row {
    v1::Row { id: source.id.clone(), text: source.text.clone() }
}

fn pair(source: &Pair) -> v1::Pair {
    v1::Pair { left: source.left.clone(), right: source.right.clone() }
}

/// Limits of a number.
pub fn number(source: &NumberRange) -> v1::NumberRange {
    let bound = |bound: NumberBound| v1::NumberBound { value: bound.value };
    v1::NumberRange {
        min: source.min.map(bound),
        max: source.max.map(bound),
        decimals: source.decimals,
        unit: source.unit.clone(),
    }
}

fn ending(source: &Ending) -> v1::Ending {
    v1::Ending {
        id: source.id.clone(),
        text: source.text.clone(),
        screened_out: source.screened_out,
    }
}

fn jump(source: &Jump) -> v1::Jump {
    v1::Jump { when: source.when.as_ref().map(condition), to: source.to.clone() }
}

fn condition(source: &Condition) -> v1::Condition {
    let group =
        |group: &Group| v1::ConditionGroup { all_of: group.all_of.iter().map(term).collect() };
    v1::Condition { any_of: source.any_of.iter().map(group).collect() }
}

fn term(source: &Term) -> v1::ConditionTerm {
    v1::ConditionTerm {
        question: source.question.clone(),
        part: source.part.clone(),
        attribute: source.attribute.clone(),
        operator: source.operator as i32,
        values: source.values.clone(),
    }
}
