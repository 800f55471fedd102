//! A questionnaire with something of everything.

use std::collections::BTreeMap;

use proto::survey::v1::{self, ConditionOperator as Op, QuestionType as Kind};

pub fn texts(zh: &str, en: &str) -> BTreeMap<String, String> {
    [("zh-CN", zh), ("en", en)].map(|(tag, text)| (tag.to_owned(), text.to_owned())).into()
}

pub fn question(id: &str, kind: Kind) -> v1::Question {
    v1::Question {
        id: id.to_owned(),
        kind: kind as i32,
        text: texts(&format!("问题 {id}"), &format!("Question {id}")),
        ..Default::default()
    }
}

pub fn option(id: &str) -> v1::QuestionOption {
    v1::QuestionOption { id: id.to_owned(), text: texts(id, id), ..Default::default() }
}

fn condition(question: &str, operator: Op, values: &[&str]) -> v1::Condition {
    let term = v1::ConditionTerm {
        question: question.to_owned(),
        operator: operator as i32,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        ..Default::default()
    };
    v1::Condition { any_of: vec![v1::ConditionGroup { all_of: vec![term] }] }
}

fn grade(reasons: &[&str]) -> v1::ScaleGrade {
    v1::ScaleGrade {
        label: texts("级", "grade"),
        face: "happy".into(),
        reasons: reasons.iter().map(|id| option(id)).collect(),
        ..Default::default()
    }
}

/// Every type of question, branching, pipes, scales, endings.
pub fn definition() -> v1::Definition {
    let choice = |id: &str, kind, count: usize| v1::Question {
        options: (0..count).map(|i| option(&format!("o{i}"))).collect(),
        ..question(id, kind)
    };
    let number = v1::NumberRange {
        min: Some(v1::NumberBound { value: 0.0 }),
        max: Some(v1::NumberBound { value: 99.5 }),
        decimals: 1,
        unit: texts("元", "yuan"),
    };
    let first = vec![
        v1::Question {
            scale: "five".into(),
            required: true,
            not_applicable: true,
            comment: true,
            ..question("overall", Kind::Smileys)
        },
        v1::Question {
            text: texts("您选了{{overall|它}}，为什么？", "Why {{overall}}, {{@name|friend}}?"),
            show_if: Some(condition("overall", Op::AtMost, &["2"])),
            ..question("why", Kind::LongText)
        },
        v1::Question { refusal: true, ..choice("single", Kind::SingleChoice, 3) },
        v1::Question {
            options: vec![
                option("a"),
                option("b"),
                v1::QuestionOption { specify: true, fixed: true, ..option("other") },
                v1::QuestionOption { exclusive: true, ..option("none") },
            ],
            shuffle_options: true,
            ..question("several", Kind::MultipleChoice)
        },
        v1::Question {
            scale: "five".into(),
            expectation_pair: true,
            ..question("pair", Kind::Scale)
        },
        v1::Question {
            jumps: vec![v1::Jump {
                when: Some(condition("recommend", Op::AtMost, &["0"])),
                to: "sorry".into(),
            }],
            ..question("recommend", Kind::Nps)
        },
    ];
    let rows = ["r1", "r2"].map(|id| v1::Row { id: id.into(), text: texts(id, id) }).to_vec();
    let second = vec![
        v1::Question {
            scale: "percent".into(),
            rows: rows.clone(),
            shuffle_rows: true,
            ..question("matrix", Kind::Matrix)
        },
        v1::Question { choices_max: 2, ..choice("ranked", Kind::Ranking, 3) },
        v1::Question { ties: true, ..choice("compared", Kind::PairedComparison, 3) },
        question("effort", Kind::Ces),
        v1::Question { number: Some(number), ..question("amount", Kind::Number) },
        v1::Question { date_min: "2020-01-01".into(), ..question("day", Kind::Date) },
        v1::Question { text_max: 5, ..question("short", Kind::ShortText) },
    ];
    let section = |id: &str, questions| v1::Section {
        id: id.to_owned(),
        title: texts("部分", "Part"),
        questions,
        ..Default::default()
    };
    let ending = |id: &str| v1::Ending {
        id: id.to_owned(),
        text: texts("谢谢", "Thanks"),
        screened_out: id == "sorry",
    };
    let five = vec![grade(&["slow", "rude"]), grade(&["slow"]), grade(&[]), grade(&[]), grade(&[])];
    v1::Definition {
        title: texts("满意度调查", "Satisfaction"),
        introduction: texts("请回答。", "Please answer."),
        default_language: "zh-CN".into(),
        scales: vec![
            v1::Scale { id: "five".into(), min: 1, max: 5, grades: five, ..Default::default() },
            v1::Scale {
                id: "percent".into(),
                max: 100,
                low_label: texts("低", "low"),
                high_label: texts("高", "high"),
                ..Default::default()
            },
        ],
        sections: vec![section("first", first), section("second", second)],
        endings: vec![ending("thanks"), ending("sorry")],
        valid_from: "2026-01-01".into(),
        valid_to: String::new(),
    }
}
