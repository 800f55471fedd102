//! The statistical methods from outside: against numbers computed elsewhere, against inputs of
//! every shape, and against the laws of the statistics themselves.

mod blocks;
mod customers;
mod docs;
mod drivers;
mod fuzz;
mod indices;
mod inputs;
mod laws;
mod operations;
mod pairs;
mod paths;
mod refusals;
mod schemes;
mod vectors;

use analytics_domain::measures;
use serde_json::Value;

fn compute(name: &str, input: Value) -> Value {
    let method = measures::find(name).expect("a known method");
    method.compute(&input).unwrap_or_else(|error| panic!("{name} refused {input}: {error}"))
}

fn number(output: &Value, key: &str) -> f64 {
    output[key].as_f64().unwrap_or_else(|| panic!("{key} is no number in {output}"))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            close(a.as_f64().expect("finite"), b.as_f64().expect("finite"))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w))
        }
        (a, b) => a == b,
    }
}

/// The same within a tolerance, for figures at the end of an iteration.
fn near(a: &Value, b: &Value, tolerance: f64) -> bool {
    let all = |a: &Value, b: &Value| near(a, b, tolerance);
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("finite"), b.as_f64().expect("finite"));
            (a - b).abs() <= tolerance * a.abs().max(1.0)
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| all(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| all(v, w))
        }
        (a, b) => a == b,
    }
}
