//! Definitions from the contract's messages. Enumerations that are not set, or not known, become
//! "unspecified", which the check of definitions refuses with the place.

use proto::survey::v1;
use survey_domain::questionnaire::{
    Condition, Definition, Ending, Grade, Group, Jump, Kind, NumberBound, NumberRange, Operator,
    Pair, Question, QuestionOption, Row, Scale, Section, Term,
};

/// A definition as it was given.
pub fn definition(message: v1::Definition) -> Definition {
    Definition {
        title: message.title,
        introduction: message.introduction,
        default_language: message.default_language,
        scales: message.scales.into_iter().map(scale).collect(),
        sections: message.sections.into_iter().map(section).collect(),
        endings: message.endings.into_iter().map(ending).collect(),
        valid_from: message.valid_from,
        valid_to: message.valid_to,
    }
}

fn scale(message: v1::Scale) -> Scale {
    Scale {
        id: message.id,
        min: message.min,
        max: message.max,
        grades: message.grades.into_iter().map(grade).collect(),
        low_label: message.low_label,
        high_label: message.high_label,
        satisfied_from: message.satisfied_from,
        bad_to: message.bad_to,
        reversed: message.reversed,
    }
}

fn grade(message: v1::ScaleGrade) -> Grade {
    Grade {
        label: message.label,
        score_0_100: message.score_0_100,
        face: message.face,
        reasons: message.reasons.into_iter().map(option).collect(),
    }
}

fn section(message: v1::Section) -> Section {
    Section {
        id: message.id,
        title: message.title,
        description: message.description,
        show_if: message.show_if.map(condition),
        questions: message.questions.into_iter().map(question).collect(),
        shuffle_questions: message.shuffle_questions,
    }
}

fn question(message: v1::Question) -> Question {
    Question {
        kind: Kind::from_number(message.kind),
        id: message.id,
        text: message.text,
        help: message.help,
        required: message.required,
        not_applicable: message.not_applicable,
        refusal: message.refusal,
        scale: message.scale,
        options: message.options.into_iter().map(option).collect(),
        rows: message.rows.into_iter().map(row).collect(),
        expectation_pair: message.expectation_pair,
        pairs: message.pairs.into_iter().map(pair).collect(),
        ties: message.ties,
        choices_min: message.choices_min,
        choices_max: message.choices_max,
        number: message.number.map(number),
        date_min: message.date_min,
        date_max: message.date_max,
        text_max: message.text_max,
        comment: message.comment,
        shuffle_options: message.shuffle_options,
        shuffle_rows: message.shuffle_rows,
        show_if: message.show_if.map(condition),
        jumps: message.jumps.into_iter().map(jump).collect(),
    }
}

fn option(message: v1::QuestionOption) -> QuestionOption {
    QuestionOption {
        id: message.id,
        text: message.text,
        exclusive: message.exclusive,
        specify: message.specify,
        fixed: message.fixed,
    }
}

fn row(message: v1::Row) -> Row {
    Row { id: message.id, text: message.text }
}

fn pair(message: v1::Pair) -> Pair {
    Pair { left: message.left, right: message.right }
}

fn number(message: v1::NumberRange) -> NumberRange {
    let bound = |bound: v1::NumberBound| NumberBound { value: bound.value };
    NumberRange {
        min: message.min.map(bound),
        max: message.max.map(bound),
        decimals: message.decimals,
        unit: message.unit,
    }
}

fn ending(message: v1::Ending) -> Ending {
    Ending { id: message.id, text: message.text, screened_out: message.screened_out }
}

fn jump(message: v1::Jump) -> Jump {
    Jump { when: message.when.map(condition), to: message.to }
}

fn condition(message: v1::Condition) -> Condition {
    let group =
        |group: v1::ConditionGroup| Group { all_of: group.all_of.into_iter().map(term).collect() };
    Condition { any_of: message.any_of.into_iter().map(group).collect() }
}

fn term(message: v1::ConditionTerm) -> Term {
    Term {
        operator: Operator::from_number(message.operator),
        question: message.question,
        part: message.part,
        attribute: message.attribute,
        values: message.values,
    }
}
