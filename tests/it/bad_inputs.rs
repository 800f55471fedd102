//! The catalogue of bad inputs against the whole suite: every one gets its promised answer, and
//! none makes anything of ours fail. The inputs are data: `tests/bad_inputs/*.toml`.

mod data;
mod h2;
mod http1;
mod scenarios;
mod send;
mod tokens;
mod words;

use std::collections::BTreeSet;

use data::{Case, Catalogue};
use e2e::processes::Part;
use send::Outcome;
use serde_json::Value;
use tonic::Code;

use crate::authorization::{matrix::Matrix, requests::code, scene::Scene};

/// In the order in which they are sent: wrong pairing codes close the door for a minute.
const FILES: &[(&str, &str)] = &[
    ("auth", include_str!("../bad_inputs/auth.toml")),
    ("analytics", include_str!("../bad_inputs/analytics.toml")),
    ("indices", include_str!("../bad_inputs/indices.toml")),
    ("rest", include_str!("../bad_inputs/rest.toml")),
    ("grpc", include_str!("../bad_inputs/grpc.toml")),
    ("questionnaires", include_str!("../bad_inputs/questionnaires.toml")),
    ("surveys-responses", include_str!("../bad_inputs/surveys-responses.toml")),
    ("fieldwork", include_str!("../bad_inputs/fieldwork.toml")),
    ("customers", include_str!("../bad_inputs/customers.toml")),
    ("device", include_str!("../bad_inputs/device.toml")),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_input_gets_its_answer_and_does_no_harm() {
    let mut scene = Scene::build(&Matrix::read().columns).await;
    let (mut count, mut problems) = (0, Vec::new());
    let mut ids = BTreeSet::new();
    for (file, text) in FILES.iter().copied() {
        let Catalogue { case, scenario } = data::read(file, text);
        println!("{file}: {} inputs, {} of several steps", case.len(), scenario.len());
        count += case.len() + scenario.len();
        ids.extend(case.iter().map(|c| c.id.clone()).chain(scenario.iter().map(|s| s.id.clone())));
        for case in &case {
            let outcome = send::send(&scene, case).await;
            for problem in judge(case, &outcome) {
                problems.push(format!("{} {} ({file}): {problem}", case.id, case.name));
            }
        }
        for step in &scenario {
            if let Err(problem) = scenarios::run(&step.run, &scene).await {
                problems.push(format!("{} {} ({file}): {problem}", step.id, step.name));
            }
        }
    }
    println!("{count} inputs of {} rows of the catalogue", ids.len());
    for part in Part::ALL {
        let log = scene.world.processes().log(part);
        let bad = log.lines().filter(|l| l.contains("panicked at") || l.contains("internal error"));
        problems.extend(bad.map(|line| format!("{part:?} logged {line}")));
    }
    scene.world.stop().await;
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    assert!(count >= 300, "only {count} inputs");
}

/// What is wrong with an answer.
fn judge(case: &Case, outcome: &Outcome) -> Vec<String> {
    let (want, answer) = (&case.want, &outcome.answer);
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let mut problems = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            let shown: String = body.chars().take(300).collect();
            let (http, code) = (answer.http, answer.code);
            let (reason, text) = (&answer.reason, &answer.text);
            let fields = &answer.fields;
            problems.push(format!("{what}: {http} {code:?} {reason} `{text}` {fields:?} {shown}"));
        }
    };
    let silent = want.close && answer.http == 0;
    check(want.http.is_empty() || silent || want.http.contains(&answer.http), "HTTP status");
    let codes: Vec<Code> = want.code.iter().map(|name| code(name)).collect();
    check(codes.is_empty() || codes.contains(&answer.code), "code");
    check(want.reason.is_empty() || answer.reason == want.reason, "reason");
    check(want.field.is_empty() || answer.fields.contains(&want.field), "field");
    check(!want.close || outcome.closed, "the connection stays open");
    check(want.contains.is_empty() || body.contains(&want.contains), "the answer lacks a text");
    check(want.lacks.is_empty() || !body.contains(&want.lacks), "the answer holds a text");
    check(has_header(outcome, &want.header), "header");
    let item = item(&answer.body);
    check(want.item.is_empty() || item.0 == want.item, "item");
    check(want.item_field.is_empty() || item.1 == want.item_field, "field of the item");
    // Whatever was asked: the fault is never ours, and it has a name.
    let ours = matches!(answer.code, Code::Internal | Code::Unknown | Code::DataLoss);
    let expected = want.http.contains(&answer.http);
    check(silent || !ours || expected, "a fault of ours");
    check(answer.http < 500 || expected, "a fault of ours");
    let named = answer.code == Code::Ok || !answer.reason.is_empty();
    // What is no HTTP request is refused before anything of ours sees it, and gRPC clients
    // that send the wrong verb get a bare status.
    let bare =
        case.raw.is_some() || matches!(answer.http, 405 | 415 | 431) && case.method.is_some();
    check(named || bare || silent, "no reason");
    problems
}

fn has_header(outcome: &Outcome, want: &str) -> bool {
    match want.split_once(": ") {
        _ if want.is_empty() => true,
        Some((name, value)) => outcome.headers.get(name).is_some_and(|found| found == value),
        None => outcome.headers.contains_key(want),
    }
}

/// Reason and field of the first item of a batch; `OK` for none.
fn item(body: &[u8]) -> (String, String) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let item = &body["results"][0];
    let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
    if item["code"] == 0 {
        ("OK".to_owned(), String::new())
    } else {
        (text("reason"), text("field"))
    }
}
