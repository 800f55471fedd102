//! A real survey: every answer passes the check, and what is counted are the published figures.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use super::*;
use crate::questionnaire::{
    Definition, Kind, Version, canonical, check::check as check_definition,
};

const QUESTIONNAIRE: &str = include_str!("../../../fixtures/fair/questionnaire.json");
const ANSWERS: &str = include_str!("../../../fixtures/fair/answers.csv");
const MAPPING: &str = include_str!("../../../fixtures/fair/mapping.json");
const EXPECTED: &str = include_str!("../../../fixtures/fair/expected.json");

#[derive(Deserialize)]
struct Document {
    definition: Definition,
}

#[derive(Deserialize)]
struct Mapping {
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    column: String,
    target: String,
    #[serde(default)]
    values: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Expected {
    published: Published,
    counts: BTreeMap<String, BTreeMap<String, usize>>,
}

#[derive(Deserialize)]
struct Published {
    count: usize,
    mean: BTreeMap<String, f64>,
    std: BTreeMap<String, f64>,
}

fn version() -> Version {
    let document: Document = serde_json::from_str(QUESTIONNAIRE).unwrap();
    assert_eq!(check_definition(&document.definition), []);
    let hash = canonical::hash(&document.definition);
    Version::new(Uuid::nil(), 1, hash, document.definition)
}

fn value(version: &Version, column: &Column, cell: &str) -> Value {
    match version.question(&column.target).unwrap().kind {
        Kind::Scale => Value::Grade(cell.parse().unwrap()),
        Kind::Number => Value::Number(cell.parse().unwrap()),
        _ => Value::Options(vec![column.values[cell].clone()]),
    }
}

/// Code of the file for an option.
fn code(column: &Column, id: &str) -> f64 {
    let found = column.values.iter().find(|(_, option)| *option == id);
    found.unwrap().0.parse().unwrap()
}

#[test]
fn the_answers_of_a_real_survey_give_its_published_figures() {
    let version = version();
    let mapping: Mapping = serde_json::from_str(MAPPING).unwrap();
    let expected: Expected = serde_json::from_str(EXPECTED).unwrap();
    let mut lines = ANSWERS.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut numbers: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut rows = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let answers: Answers = mapping
            .columns
            .iter()
            .map(|column| {
                let at = header.iter().position(|name| *name == column.column).unwrap();
                Answer::new(&column.target, "", value(&version, column, cells[at]))
            })
            .collect();
        let checked = check(&version, &answers, &Attributes::new(), Extent::Complete).unwrap();
        assert!(checked.dropped.is_empty() && checked.answers.0.len() == 8, "row {line}");
        for counted in countable(&version, &checked.answers) {
            let column = mapping.columns.iter().find(|c| c.target == counted.item).unwrap();
            let (label, number) = match counted.value {
                CountedValue::Grade(grade) => (grade.to_string(), f64::from(grade)),
                CountedValue::Number(number) => (number.to_string(), number),
                CountedValue::Options(ids) => (ids[0].clone(), code(column, &ids[0])),
                other => panic!("{other:?}"),
            };
            *counts.entry(counted.item.clone()).or_default().entry(label).or_default() += 1;
            numbers.entry(counted.item).or_default().push(number);
        }
        rows += 1;
    }
    assert_eq!(rows, expected.published.count);
    assert_eq!(counts, expected.counts);
    for (item, numbers) in numbers {
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        let variance = numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!((mean - expected.published.mean[&item]).abs() < 5e-7, "{item}: {mean}");
        assert!((variance.sqrt() - expected.published.std[&item]).abs() < 5e-7, "{item}");
    }
}
