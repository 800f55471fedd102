//! Every method against numbers that were computed elsewhere, twice. All failures are shown at
//! once.

use analytics_domain::measures;
use serde::Deserialize;
use serde_json::Value;

/// What the published set has; new methods of our own raise both.
const METHODS: usize = 80;
const VECTORS: usize = 213;

#[derive(Deserialize)]
struct Vector {
    id: String,
    method: String,
    input: Value,
    expect: Value,
    tolerance: f64,
}

/// Adds a line to `failures` for every expected value that `actual` does not have.
fn compare(path: &str, actual: &Value, expect: &Value, tolerance: f64, failures: &mut Vec<String>) {
    match (actual, expect) {
        (Value::Object(actual), Value::Object(expect)) => {
            for (key, expect) in expect {
                let path = format!("{path}.{key}");
                match actual.get(key) {
                    Some(actual) => compare(&path, actual, expect, tolerance, failures),
                    None => failures.push(format!("{path}: missing")),
                }
            }
        }
        (Value::Array(actual), Value::Array(expect)) if actual.len() == expect.len() => {
            for (i, (actual, expect)) in actual.iter().zip(expect).enumerate() {
                compare(&format!("{path}[{i}]"), actual, expect, tolerance, failures);
            }
        }
        (Value::Number(a), Value::Number(e)) => {
            let (a, e) = (a.as_f64().unwrap_or(f64::NAN), e.as_f64().unwrap_or(f64::NAN));
            let error = (a - e).abs() / e.abs().max(1.0);
            if error.is_nan() || error > tolerance {
                failures.push(format!("{path}: {a}, expected {e} (off by {error:e})"));
            }
        }
        (actual, expect) if actual == expect => {}
        (actual, expect) => failures.push(format!("{path}: {actual}, expected {expect}")),
    }
}

#[test]
fn every_method_agrees_with_its_vectors() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors.json")).expect("vectors are readable");
    let mut failures = Vec::new();
    for vector in &vectors {
        let Some(method) = measures::find(&vector.method) else {
            failures.push(format!("{}: no method {}", vector.id, vector.method));
            continue;
        };
        match (method.compute(&vector.input), vector.expect.get("error")) {
            (Err(error), Some(_)) => assert!(!error.field.is_empty()),
            (Err(error), None) => failures.push(format!("{}: refused: {error}", vector.id)),
            (Ok(actual), Some(_)) => {
                failures.push(format!("{}: must be refused, gave {actual}", vector.id));
            }
            (Ok(actual), None) => {
                compare(&vector.id, &actual, &vector.expect, vector.tolerance, &mut failures);
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_method_has_a_vector_and_a_name_of_its_own() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors.json")).expect("vectors are readable");
    let mut names: Vec<_> = measures::all().map(|method| method.name).collect();
    for name in &names {
        assert!(vectors.iter().any(|vector| vector.method == *name), "{name} has no vector");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two methods share a name");
    assert_eq!((count, vectors.len()), (METHODS, VECTORS), "a method or a vector was lost");
}
