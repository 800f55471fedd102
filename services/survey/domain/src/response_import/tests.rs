//! Rows of files become answers, or say why not.

use uuid::Uuid;

use super::*;
use crate::{
    answer::{Attributes, Extent, check},
    questionnaire::{Definition, QuestionOption, Row as MatrixRow, Scale, Section},
};

fn option(id: &str) -> QuestionOption {
    QuestionOption { id: id.to_owned(), ..QuestionOption::default() }
}

fn question(id: &str, kind: Kind) -> Question {
    Question { id: id.to_owned(), kind, ..Question::default() }
}

fn version() -> Version {
    let scale = Scale { id: "five".to_owned(), min: 1, max: 5, ..Scale::default() };
    let overall = Question {
        scale: "five".to_owned(),
        comment: true,
        not_applicable: true,
        ..question("q1", Kind::Scale)
    };
    let matrix = Question {
        scale: "five".to_owned(),
        rows: ["a", "b"].map(|id| MatrixRow { id: id.to_owned(), ..MatrixRow::default() }).into(),
        ..question("q2", Kind::Matrix)
    };
    let choice = Question {
        options: vec![option("shop"), option("phone"), option("web")],
        ..question("q3", Kind::MultipleChoice)
    };
    let section = Section {
        id: "all".to_owned(),
        questions: vec![
            overall,
            matrix,
            choice,
            question("q4", Kind::Number),
            question("q5", Kind::LongText),
        ],
        ..Section::default()
    };
    let definition =
        Definition { scales: vec![scale], sections: vec![section], ..Definition::default() };
    Version::new(Uuid::from_u128(1), 1, String::new(), definition)
}

fn named(columns: &[(&str, &str)]) -> Vec<Named> {
    let one = |(column, target): &(&str, &str)| Named {
        column: (*column).to_owned(),
        target: (*target).to_owned(),
        values: BTreeMap::new(),
    };
    columns.iter().map(one).collect()
}

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_row_becomes_answers_that_the_check_accepts() {
    let version = version();
    let header = cells(&["id", "overall", "a", "b", "where", "age", "words", "remark", "branch"]);
    let mut columns = named(&[
        ("overall", "q1"),
        ("a", "q2/a"),
        ("b", "q2/b"),
        ("where", "q3"),
        ("age", "q4"),
        ("words", "q5"),
        ("remark", "q1#comment"),
        ("branch", "@unit_code"),
    ]);
    columns[0].values = BTreeMap::from([("很满意".to_owned(), "5".to_owned())]);
    columns[3].values = BTreeMap::from([("店".to_owned(), "shop".to_owned())]);
    let mapping = Mapping::new(&version, &header, "id", &columns, None).unwrap();
    let row = cells(&["7", "很满意", "3", "", "店; web", "42", " hello ", "fine", "B1"]);
    let read = mapping.read(&version, &row).unwrap();
    assert_eq!(read.row_id, "7");
    assert_eq!(read.others, BTreeMap::from([(Target::UnitCode, "B1".to_owned())]));
    let mut overall = Answer::new("q1", "", Value::Grade(5));
    overall.comment = "fine".to_owned();
    let places = Value::Options(vec!["shop".to_owned(), "web".to_owned()]);
    let expected = Answers(vec![
        overall,
        Answer::new("q2", "a", Value::Grade(3)),
        Answer::new("q3", "", places),
        Answer::new("q4", "", Value::Number(42.0)),
        Answer::new("q5", "", Value::Text("hello".to_owned())),
    ]);
    assert_eq!(read.answers, expected);
    check(&version, &read.answers, &Attributes::new(), Extent::Complete).unwrap();
}

#[test]
fn what_cannot_be_read_names_its_column() {
    let version = version();
    let header = cells(&["id", "overall", "age"]);
    let columns = named(&[("overall", "q1"), ("age", "q4")]);
    let mapping = Mapping::new(&version, &header, "id", &columns, None).unwrap();
    for (row, column) in [
        (["1", "good", "1"], "overall"),
        (["1", "4.5", "1"], "overall"),
        (["1", "4", "1e5"], "age"),
        (["1", "4", "inf"], "age"),
        (["1", "4", "1.2.3"], "age"),
        (["", "4", "1"], ""),
    ] {
        let fault = mapping.read(&version, &cells(&row)).unwrap_err();
        assert_eq!(fault.column, column, "{row:?}");
    }
    let long = "x".repeat(101);
    assert!(mapping.read(&version, &cells(&[&long, "4", "1"])).is_err());
    assert!(mapping.read(&version, &cells(&["1"])).is_ok(), "missing cells are empty");
}

#[test]
fn declined_answers_have_words_of_their_own() {
    let version = version();
    let mapping = Mapping::new(
        &version,
        &cells(&["id", "overall"]),
        "id",
        &named(&[("overall", "q1")]),
        None,
    )
    .unwrap();
    let value = |text: &str| {
        let row = mapping.read(&version, &cells(&["1", text])).unwrap();
        row.answers.0[0].value.clone()
    };
    assert_eq!(value("@na"), Value::NotApplicable);
    assert_eq!(value("@refused"), Value::Refused);
    assert_eq!(value("'@na"), Value::NotApplicable, "as an export writes it");
}

#[test]
fn a_mapping_that_makes_no_sense_is_refused_with_its_field() {
    let version = version();
    let header = cells(&["id", "overall"]);
    for (columns, row_id, field) in [
        (named(&[("overall", "q1")]), "nothing", "rowIdColumn"),
        (named(&[("other", "q1")]), "id", "columns[0].column"),
        (named(&[("overall", "q9")]), "id", "columns[0].target"),
        (named(&[("overall", "q2/c")]), "id", "columns[0].target"),
        (named(&[("overall", "@unknown")]), "id", "columns[0].target"),
        (named(&[("overall", "q1#x")]), "id", "columns[0].target"),
        (named(&[("overall", "q1"), ("id", "q1")]), "id", "columns[1].target"),
    ] {
        let error = Mapping::new(&version, &header, row_id, &columns, None).unwrap_err();
        let Error::Invalid { field: found, .. } = error else { panic!("{error}") };
        assert_eq!(found, field);
    }
}
