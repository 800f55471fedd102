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

/// Every way of changing one number, word or flag of `value` beyond the tolerance, or of leaving
/// an entry out.
fn broken(value: &Value, tolerance: f64) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, field)| {
                let changed = broken(field, tolerance).into_iter().map(|changed| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    Value::Object(fields)
                });
                let mut fewer = fields.clone();
                fewer.remove(name);
                changed.chain([Value::Object(fewer)]).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(values) => (0..values.len())
            .flat_map(|at| {
                let changed = broken(&values[at], tolerance).into_iter().map(move |changed| {
                    let mut values = values.clone();
                    values[at] = changed;
                    Value::Array(values)
                });
                changed.chain([Value::Array(values[1..].to_vec())]).collect::<Vec<_>>()
            })
            .collect(),
        Value::Number(number) => {
            let number = number.as_f64().expect("a finite number");
            let step = 1.01 * tolerance * number.abs().max(1.0);
            vec![Value::from(number + step), Value::from(number - step), Value::Null]
        }
        Value::Bool(flag) => vec![Value::from(!flag)],
        Value::String(text) => vec![Value::from(format!("{text}!")), Value::Null],
        Value::Null => vec![Value::from(0.0), Value::from("")],
    }
}

/// The control of the test above: a comparison that looked away anywhere would pass it.
#[test]
fn a_method_that_is_off_by_a_little_anywhere_would_be_found() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../vectors.json")).expect("vectors are readable");
    let mut checked = 0;
    for vector in vectors.iter().filter(|vector| vector.expect.get("error").is_none()) {
        let fails = |actual: &Value| {
            let mut failures = Vec::new();
            compare(&vector.id, actual, &vector.expect, vector.tolerance, &mut failures);
            !failures.is_empty()
        };
        assert!(!fails(&vector.expect), "{} differs from itself", vector.id);
        for wrong in broken(&vector.expect, vector.tolerance) {
            assert!(fails(&wrong), "{}: {wrong} passes for {}", vector.id, vector.expect);
            checked += 1;
        }
    }
    assert!(checked > 5_000, "only {checked} wrong outputs were tried");
}
