//! MeasureService: statistical methods by name. It knows how values travel, and nothing of
//! statistics.

use std::sync::Arc;
use std::thread::available_parallelism;

use analytics_domain::measures::field::Field;
use analytics_domain::measures::{self, Invalid, Method};
use kit::auth::open_request;
use kit::error::{Result, ServiceError};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};
use proto::analytics::v1::measure_service_server::MeasureService;
use proto::analytics::v1::{
    ComputeMeasureRequest, ComputeMeasureResponse, GetMeasureRequest, ListMeasuresRequest,
    ListMeasuresResponse, Measure, MeasureField,
};
use serde_json::{Map, Number};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use crate::computing;

/// Computes methods, as many at a time as there are cores.
#[derive(Debug, Clone)]
pub struct Measures {
    cores: Arc<Semaphore>,
}

impl Default for Measures {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Measures { cores: Arc::new(Semaphore::new(cores)) }
    }
}

#[tonic::async_trait]
impl MeasureService for Measures {
    async fn compute_measure(
        &self,
        request: Request<ComputeMeasureRequest>,
    ) -> std::result::Result<Response<ComputeMeasureResponse>, Status> {
        let (_, message) = open_request(request)?;
        let method = measures::find(&message.method).ok_or_else(|| {
            ServiceError::invalid("method", "is no known method; ListMeasures names them all")
        })?;
        let input = input_of(message.input.unwrap_or_default())?;
        let core = self.cores.clone().acquire_owned().await.map_err(ServiceError::internal)?;
        let computed = computing::compute(move || {
            let _core = core;
            method.compute(&input)
        });
        let output = computed.await?.map_err(refusal)?;
        let result = Some(struct_of(output));
        Ok(Response::new(ComputeMeasureResponse { method: message.method, result }))
    }

    async fn list_measures(
        &self,
        request: Request<ListMeasuresRequest>,
    ) -> std::result::Result<Response<ListMeasuresResponse>, Status> {
        open_request(request)?;
        let measures = measures::all().map(headline).collect();
        Ok(Response::new(ListMeasuresResponse { measures }))
    }

    async fn get_measure(
        &self,
        request: Request<GetMeasureRequest>,
    ) -> std::result::Result<Response<Measure>, Status> {
        let (_, message) = open_request(request)?;
        let method = measures::find(&message.method)
            .ok_or_else(|| ServiceError::not_found("method; ListMeasures names them all"))?;
        Ok(Response::new(Measure {
            input: fields_of(method.doc.input),
            result: fields_of(method.doc.result),
            example: Some(struct_of(method.example())),
            ..headline(method)
        }))
    }
}

/// What is said of a method in a list.
fn headline(method: &Method) -> Measure {
    Measure {
        method: method.name.to_owned(),
        description: method.description.to_owned(),
        formula: method.doc.formula.to_owned(),
        source: method.doc.source.to_owned(),
        ..Measure::default()
    }
}

fn fields_of(fields: &[Field]) -> Vec<MeasureField> {
    let each = fields.iter().map(|field| MeasureField {
        name: field.name.to_owned(),
        r#type: field.kind.to_string(),
        required: field.required,
        default_value: field.default.to_owned(),
        range: field.range().to_owned(),
        unit: field.unit.to_owned(),
        meaning: field.meaning.to_owned(),
        choices: field.kind.choices().iter().map(|name| (*name).to_owned()).collect(),
        fields: fields_of(field.kind.fields()),
    });
    each.collect()
}

fn refusal(error: Invalid) -> ServiceError {
    // The input as a whole is named by itself, its fields by their path below it.
    let whole = error.field == "input";
    let field = if whole { error.field } else { format!("input.{}", error.field) };
    ServiceError::invalid(field, error.problem)
}

fn input_of(input: Struct) -> Result<serde_json::Value> {
    object_of(input)
        .map_err(|path| ServiceError::invalid(format!("input{path}"), "must be a finite number"))
}

/// A struct as JSON; the error is the path of a number that JSON cannot hold.
fn object_of(input: Struct) -> std::result::Result<serde_json::Value, String> {
    let mut fields = Map::new();
    for (name, value) in input.fields {
        let value = json_of(value).map_err(|path| format!(".{name}{path}"))?;
        fields.insert(name, value);
    }
    Ok(fields.into())
}

fn json_of(value: Value) -> std::result::Result<serde_json::Value, String> {
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::NumberValue(number)) => Number::from_f64(number).ok_or_else(String::new)?.into(),
        Some(Kind::StructValue(fields)) => object_of(fields)?,
        Some(Kind::ListValue(list)) => {
            let values = list.values.into_iter().enumerate();
            let values = values.map(|(i, v)| json_of(v).map_err(|path| format!("[{i}]{path}")));
            serde_json::Value::Array(values.collect::<std::result::Result<_, _>>()?)
        }
    })
}

/// An output as a struct; outputs are objects.
pub fn struct_of(output: serde_json::Value) -> Struct {
    match kind_of(output) {
        Kind::StructValue(fields) => fields,
        _ => Struct::default(),
    }
}

fn kind_of(value: serde_json::Value) -> Kind {
    let value_of = |value| Value { kind: Some(kind_of(value)) };
    match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(flag) => Kind::BoolValue(flag),
        serde_json::Value::String(text) => Kind::StringValue(text),
        // Every number of an output is a double or a count below 2^53.
        serde_json::Value::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or_default()),
        serde_json::Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(value_of).collect() })
        }
        serde_json::Value::Object(fields) => Kind::StructValue(Struct {
            fields: fields.into_iter().map(|(name, value)| (name, value_of(value))).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_travel_there_and_back_unchanged() {
        let value = json!({"a": [1.5, null, "x", {"b": true}], "c": {}});
        assert_eq!(input_of(struct_of(value.clone())).expect("finite numbers"), value);
    }

    #[test]
    fn an_example_travels_to_the_user_and_back() {
        for method in measures::all() {
            let input = input_of(struct_of(method.example())).expect("finite numbers");
            assert!(method.compute(&input).is_ok(), "{}", method.name);
        }
    }

    #[test]
    fn fields_are_shown_with_the_fields_inside() {
        let method = measures::find("compare.nps_diff").expect("a method");
        let input = fields_of(method.doc.input);
        assert_eq!((input[0].r#type.as_str(), input[0].required), ("object", true));
        assert_eq!(input[0].fields[0].name, "promoters");
        assert_eq!(input[2].default_value, "0.95");
        let choices = &fields_of(measures::find("ces.score").expect("a method").doc.input)[3];
        assert_eq!(choices.choices, ["ease", "effort"]);
    }

    #[test]
    fn a_number_that_is_none_is_refused_with_its_path() {
        let number = |v| Value { kind: Some(Kind::NumberValue(v)) };
        let list = ListValue { values: vec![number(1.0), number(f64::NAN)] };
        let values = Value { kind: Some(Kind::ListValue(list)) };
        let input = Struct { fields: [("values".to_owned(), values)].into() };
        let error = input_of(input).expect_err("NaN is no number");
        assert_eq!(error.violations()[0].field, "input.values[1]");
    }

    #[test]
    fn a_refused_field_is_named_below_the_input() {
        let field = |field: &str| refusal(Invalid::new(field, "is wrong")).violations()[0].clone();
        assert_eq!(field("a.promoters").field, "input.a.promoters");
        assert_eq!(field("input").field, "input");
    }
}
