//! A real survey, over REST: its questionnaire and the answers of 6,366 people are imported as
//! they were published, and what figures and the export count are the published counts.

use std::collections::BTreeMap;

use e2e::{
    Org, Shape, World, patiently,
    rest::{int, text},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::authorization::place::post;

const QUESTIONNAIRE: &str = include_str!("../../services/survey/fixtures/fair/questionnaire.json");
const ANSWERS: &str = include_str!("../../services/survey/fixtures/fair/answers.csv");
const MAPPING: &str = include_str!("../../services/survey/fixtures/fair/mapping.json");
const EXPECTED: &str = include_str!("../../services/survey/fixtures/fair/expected.json");
/// Rows of one call.
const PIECE: usize = 1_000;

/// Counts by question and by what was answered.
type Counts = BTreeMap<String, BTreeMap<String, i64>>;

fn parsed(source: &str) -> Value {
    serde_json::from_str(source).expect("a fixture")
}

fn expected() -> (i64, Counts, Value) {
    let expected = parsed(EXPECTED);
    let counts = serde_json::from_value(expected["counts"].clone()).expect("counts");
    (int(&expected["published"]["count"]), counts, expected["published"]["mean"].clone())
}

async fn campaign(org: &Org) -> (String, String) {
    let import = json!({"unit": org.headquarters, "document": parsed(QUESTIONNAIRE)});
    let draft = post(org, "/v1/questionnaires:import", import).await;
    let name = text(&draft["name"]).to_owned();
    org.rest.post(&format!("/v1/{name}:publish"), json!({"etag": draft["etag"]})).await;
    let campaign = json!({
        "unit": org.headquarters, "displayName": "Redbook 1974", "questionnaire": name,
        "channels": ["RESPONSE_CHANNEL_IMPORT"],
    });
    let campaign = text(&post(org, "/v1/campaigns", campaign).await["name"]).to_owned();
    org.rest.post(&format!("/v1/{campaign}:open"), json!({})).await;
    (name, campaign)
}

/// Imports the file in pieces: how many rows were stored, known before and refused.
async fn import(org: &Org, campaign: &str) -> [i64; 3] {
    let mut lines = ANSWERS.lines();
    let header = lines.next().expect("a header");
    let rows: Vec<&str> = lines.collect();
    let mut sums = [0; 3];
    for (number, piece) in rows.chunks(PIECE).enumerate() {
        let body = json!({
            "mapping": parsed(MAPPING), "csv": format!("{header}\n{}\n", piece.join("\n")),
            "firstRow": number * PIECE + 1,
        });
        let done = org.rest.post(&format!("/v1/{campaign}/responses:import"), body).await;
        for (sum, key) in sums.iter_mut().zip(["storedCount", "duplicateCount", "failedCount"]) {
            *sum += int(&done[key]);
        }
    }
    sums
}

async fn check_grades(org: &Org, questionnaire: &str, all: i64, counts: &Counts, means: &Value) {
    let filter = json!({"questionnaires": [questionnaire]});
    let source = "FIGURE_SOURCE_QUESTIONNAIRES";
    let ask = |group: &str| json!({"source": source, "groupBy": [group], "filter": filter});
    let figures = patiently("all answers to be counted", || async {
        let figures = org.figures(&org.headquarters, ask("GROUP_BY_ITEM")).await;
        (int(&figures["total"]["responses"]) == all).then_some(figures)
    })
    .await;
    let rows = figures["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), counts.len(), "one row for each question: {figures}");
    for row in rows {
        let item = text(&row["key"]["item"]);
        assert_eq!(int(&row["answers"]), all, "{item}: everybody answered");
    }
    for item in ["rate_marriage", "religious"] {
        let row = rows.iter().find(|row| row["key"]["item"] == item).expect("the item");
        let grades = row["grades"].as_array().expect("grades");
        let found: BTreeMap<String, i64> = grades
            .iter()
            .map(|g| (int(&g["grade"]).to_string(), int(&g["count"])))
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(found, counts[item], "{item}");
        let sum: i64 =
            found.iter().map(|(grade, count)| grade.parse::<i64>().unwrap() * count).sum();
        let mean = sum as f64 / int(&row["n"]) as f64;
        assert!((mean - means[item].as_f64().unwrap()).abs() < 5e-7, "{item}: {mean}");
    }
    let figures = org.figures(&org.headquarters, ask("GROUP_BY_OPTION")).await;
    let mut chosen = Counts::new();
    for row in figures["rows"].as_array().expect("rows") {
        let (item, option) = (text(&row["key"]["item"]), text(&row["key"]["option"]));
        chosen.entry(item.to_owned()).or_default().insert(option.to_owned(), int(&row["answers"]));
    }
    for item in ["educ", "occupation", "occupation_husb"] {
        assert_eq!(chosen[item], counts[item], "{item}");
    }
}

/// All answers of the export, counted.
async fn exported(org: &Org, campaign: &str) -> (i64, Counts) {
    let format = "RESPONSE_EXPORT_FORMAT_JSON_LINES";
    let path = format!("/v1/{campaign}/responses:export?format={format}");
    let request = org.rest.request(Method::GET, &path).header("accept", "application/x-ndjson");
    let body = request.send().await.unwrap().text().await.unwrap();
    let pieces: Vec<Value> = body.lines().map(parsed).collect();
    let file: String =
        pieces.iter().map(|p| p["result"]["lines"].as_str().unwrap_or_default()).collect();
    let mut counts = Counts::new();
    for line in file.lines() {
        for answer in parsed(line)["answers"].as_array().expect("answers") {
            let value = &answer["value"];
            let label = match (&value["grade"], &value["number"], &value["options"]) {
                (Value::Number(grade), ..) => grade.to_string(),
                (_, Value::Number(number), _) => number.as_f64().unwrap().to_string(),
                (.., options) => text(&options[0]).to_owned(),
            };
            let of = counts.entry(text(&answer["question"]).to_owned()).or_default();
            *of.entry(label).or_default() += 1;
        }
    }
    let trailer = &pieces.last().expect("a last piece")["result"]["trailer"];
    (int(&trailer["rowCount"]), counts)
}

async fn a_real_survey_is_imported_and_counted(shape: Shape) {
    let world = World::start(shape).await;
    let org = world.organisation().await;
    let (all, counts, means) = expected();
    let (questionnaire, campaign) = campaign(&org).await;
    assert_eq!(import(&org, &campaign).await, [all, 0, 0]);
    assert_eq!(import(&org, &campaign).await, [0, all, 0], "again for nothing");
    check_grades(&org, &questionnaire, all, &counts, &means).await;
    assert_eq!(exported(&org, &campaign).await, (all, counts));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_survey_gives_its_published_counts_in_one_process_on_sqlite() {
    a_real_survey_is_imported_and_counted(Shape::OneOnSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_survey_gives_its_published_counts_in_separate_processes_on_postgres() {
    a_real_survey_is_imported_and_counted(Shape::ManyOnPostgres).await;
}
