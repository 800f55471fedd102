//! What is said of the methods is what they do: the fields they take, those they need, their
//! defaults, and what comes back.

use analytics_domain::measures::field::{Field, Kind};
use analytics_domain::measures::{self, Invalid, Method};
use serde_json::{Value, json};

/// Whether an object has only the fields documented, all that are always there, each of its kind.
/// Null stands for what is absent in an input and for what the data do not allow in a result.
fn agrees(fields: &[Field], value: &Value, result: bool) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{value} is no object"))?;
    if let Some(name) = object.keys().find(|name| fields.iter().all(|field| field.name != *name)) {
        return Err(format!("{name} is not documented"));
    }
    fields.iter().try_for_each(|field| match object.get(field.name) {
        None if field.required => Err(format!("{} is not there", field.name)),
        None | Some(Value::Null) => Ok(()),
        Some(value) => {
            holds(field.kind, value, fields, result).map_err(|e| format!("{}: {e}", field.name))
        }
    })
}

fn holds(kind: Kind, value: &Value, beside: &[Field], result: bool) -> Result<(), String> {
    let wrong = || Err(format!("{value} is no {kind}"));
    let number = value.as_f64();
    let is = match (kind, value) {
        (Kind::OrNull(_), Value::Null) => true,
        (Kind::OrNull(kind), value) => return holds(*kind, value, beside, result),
        (_, Value::Null) => result,
        (Kind::List(kind), Value::Array(values)) => {
            return values.iter().try_for_each(|value| holds(*kind, value, beside, result));
        }
        (Kind::Named(kind), Value::Object(values)) => {
            return values.values().try_for_each(|value| holds(*kind, value, beside, result));
        }
        (Kind::Object(fields), value) => return agrees(fields, value, result),
        (Kind::Likewise, Value::Array(values)) => {
            return values.iter().try_for_each(|value| agrees(beside, value, result));
        }
        (Kind::Choice(names), Value::String(text)) => names.contains(&text.as_str()),
        (Kind::Text, Value::String(_)) | (Kind::Flag | Kind::Bit, Value::Bool(_)) => true,
        (Kind::Number, Value::Number(_)) => number.is_some_and(f64::is_finite),
        (Kind::Integer, Value::Number(_)) => number.is_some_and(|v| v.fract() == 0.0),
        (Kind::Count, Value::Number(_)) => number.is_some_and(|v| v.fract() == 0.0 && v >= 0.0),
        (Kind::Share, Value::Number(_)) => {
            number.is_some_and(|v| (-1e-9..=1.0 + 1e-9).contains(&v))
        }
        (Kind::Bit, Value::Number(_)) => number == Some(0.0) || number == Some(1.0),
        _ => false,
    };
    if is { Ok(()) } else { wrong() }
}

/// Whether a result is as documented.
pub fn documented(method: &Method, result: &Value) -> Result<(), String> {
    agrees(method.doc.result, result, true)
}

/// Calls `each` with every object of an input, its documented fields and its place.
fn objects(
    fields: &'static [Field],
    value: &Value,
    place: &str,
    each: &mut impl FnMut(&'static [Field], &str),
) {
    each(fields, place);
    for field in fields {
        let inner = field.kind.fields();
        let value = &value[field.name];
        if inner.is_empty() || value.is_null() {
            continue;
        }
        let place = format!("{place}/{}", field.name);
        let (place, value) = match (value, field.kind) {
            (Value::Array(values), _) => (format!("{place}/0"), &values[0]),
            (Value::Object(values), Kind::Named(_)) => {
                let (name, value) = values.iter().next().expect("an example is not empty");
                (format!("{place}/{name}"), value)
            }
            _ => (place, value),
        };
        objects(inner, value, &place, each);
    }
}

fn refusal(method: &Method, input: &Value) -> Invalid {
    let found = method.compute(input);
    found.expect_err(&format!("{} must refuse {input}", method.name))
}

#[test]
fn every_example_computes_and_gives_what_is_documented() {
    for method in measures::all() {
        let example = method.example();
        if let Err(error) = agrees(method.doc.input, &example, false) {
            panic!("{}: example: {error}", method.name);
        }
        let result = method.compute(&example);
        let result = result.unwrap_or_else(|e| panic!("{} refused {example}: {e}", method.name));
        if let Err(error) = documented(method, &result) {
            panic!("{}: {error} in {result}", method.name);
        }
        assert!(result.get("reason").is_none(), "{} {example}: {result}", method.name);
    }
}

#[test]
fn every_vector_is_an_input_and_gives_a_result_as_documented() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../vectors.json")).expect("vectors are readable");
    for vector in vectors.iter().filter(|vector| vector["expect"].get("error").is_none()) {
        let method = measures::find(vector["method"].as_str().expect("a name")).expect("known");
        let input = agrees(method.doc.input, &vector["input"], false);
        let result = method.compute(&vector["input"]).expect("the vector has a result");
        let result = documented(method, &result);
        assert_eq!((input, result), (Ok(()), Ok(())), "{}", vector["id"]);
    }
}

#[test]
fn the_fields_that_are_accepted_are_those_documented() {
    for method in measures::all() {
        let example = method.example();
        objects(method.doc.input, &example, "", &mut |fields, place| {
            let mut input = example.clone();
            let object = input.pointer_mut(place).expect("a place of the example");
            object["no such field"] = json!(1);
            let error = refusal(method, &input);
            assert!(error.field.ends_with("no such field"), "{}: {error}", method.name);
            let names: Vec<_> = fields.iter().map(|field| field.name).collect();
            let expected = format!("is unknown; the fields are {}", names.join(", "));
            assert_eq!(error.problem, expected, "{} at {place}", method.name);
        });
    }
}

#[test]
fn the_fields_documented_as_required_are_and_no_other() {
    for method in measures::all() {
        let example = method.example();
        objects(method.doc.input, &example, "", &mut |fields, place| {
            for field in fields {
                let mut input = example.clone();
                let object = input.pointer_mut(place).and_then(Value::as_object_mut);
                let given = object.expect("a place of the example").remove(field.name);
                let told = ["must be given", "needed"].iter().any(|t| field.meaning.contains(t));
                match method.compute(&input) {
                    Ok(_) => assert!(!field.required, "{} {place}/{}", method.name, field.name),
                    Err(error) if field.required => {
                        assert!(error.field.ends_with(field.name), "{}: {error}", method.name);
                    }
                    Err(error) => {
                        let needed = error.problem.contains("required");
                        assert!(told || !needed, "{} {}: {error}", method.name, field.name);
                    }
                }
                assert!(given.is_some() || !field.required, "{} {place}", method.name);
            }
        });
    }
}

#[test]
fn the_default_of_a_field_is_what_happens_without_it() {
    for method in measures::all() {
        let mut input = method.example();
        let fields = method.doc.input.iter().filter(|field| !field.default.is_empty());
        for field in fields {
            let object = input.as_object_mut().expect("an object");
            object.remove(field.name);
            let without = method.compute(&input).expect("the example computes");
            let default: Value = serde_json::from_str(field.default).expect("a default is JSON");
            assert_eq!(holds(field.kind, &default, &[], false), Ok(()), "{}", field.name);
            input[field.name] = default;
            let with = method.compute(&input).expect("the default is allowed");
            assert_eq!(with, without, "{}.{}", method.name, field.name);
        }
    }
}

#[test]
fn what_is_of_another_kind_is_refused_by_its_name() {
    for method in measures::all() {
        for field in method.doc.input {
            let mut input = method.example();
            input[field.name] = match field.kind {
                Kind::Object(_) | Kind::Named(_) => json!([true]),
                _ => json!({"text": "text"}),
            };
            let error = refusal(method, &input);
            assert!(error.field.starts_with(field.name), "{} {}: {error}", method.name, field.name);
        }
    }
}

#[test]
fn every_field_is_explained_in_one_line() {
    fn check(method: &Method, fields: &[Field]) {
        for field in fields {
            let Field { name, meaning, .. } = field;
            assert!(!meaning.is_empty() && meaning.len() < 120, "{} {name}", method.name);
            assert!(!meaning.ends_with('.') && !meaning.contains('\n'), "{} {name}", method.name);
            check(method, field.kind.fields());
        }
    }
    for method in measures::all() {
        assert!(!method.doc.formula.is_empty() && !method.doc.source.is_empty(), "{}", method.name);
        check(method, method.doc.input);
        check(method, method.doc.result);
    }
}
