//! One operation of the OpenAPI document.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use proto::{
    common::v1::{Cost, Idempotency, Kind as Caller, Permission},
    methods::Method,
};
use serde_json::{Map, Value, json};

use super::{
    comments::Comments,
    schema::{Schemas, id_pattern},
    scope_name,
};
use crate::rest::{
    file,
    routes::Route,
    template::{Segment, Template},
};

/// Query parameters of messages inside of messages go this deep.
const NESTING_MAX: usize = 3;

/// Path and operation of a route.
pub fn describe(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> (String, Value) {
    let method = route.method;
    let descriptor = &method.descriptor;
    let (path, mut parameters) = path_of(&route.template);
    parameters.extend(query(route, schemas));
    parameters.extend(headers(route));
    let service = descriptor.parent_service();
    let text = comments.of(&service.parent_file(), descriptor.path());
    let summary = text.split_inclusive(['.', ';', ':']).next().unwrap_or_default();
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [service.name()],
        "summary": summary.trim_end_matches(['.', ';', ':']).trim().replace('\n', " "),
        "description": description(method, text),
        "parameters": parameters,
        "responses": responses(route, schemas),
        "security": security(method),
        "x-grpc-method": method.path.trim_start_matches('/'),
        "x-access": access(method),
    });
    if let Some(body) = request_body(route, schemas) {
        operation["requestBody"] = body;
    }
    (path, operation)
}

fn operation_id(route: &Route) -> String {
    let service = route.method.descriptor.parent_service();
    let package = service.package_name().split('.').nth(1).unwrap_or_default().to_owned();
    let id = format!("{package}.{}.{}", service.name(), route.method.descriptor.name());
    match route.method.http.iter().position(|binding| binding == route.binding) {
        Some(place) if place > 0 => format!("{id}.{place}"),
        _ => id,
    }
}

fn description(method: &Method, text: &str) -> String {
    let mut lines = vec![text.to_owned()];
    if method.descriptor.is_client_streaming() {
        lines.push("Streams from the client: only over gRPC; REST answers 501.".to_owned());
    }
    if !method.rule.why.is_empty() {
        lines.push(format!("Access: {}.", method.rule.why));
    }
    if method.idempotency() == Idempotency::RequestId {
        lines.push("Repeating it with the same `Idempotency-Key` is harmless.".to_owned());
    }
    lines.join("\n\n")
}

fn access(method: &Method) -> Value {
    let rule = &method.rule;
    let kinds: Vec<String> = rule
        .kinds
        .iter()
        .filter_map(|kind| Caller::try_from(*kind).ok())
        .map(|kind| kind.as_str_name().trim_start_matches("KIND_").to_lowercase())
        .collect();
    let permission = method.permission();
    json!({
        "permission": (permission != Permission::Unspecified).then(|| scope_name(permission)),
        "scope": method.scope().as_str_name().trim_start_matches("SCOPE_").to_lowercase(),
        "kinds": kinds,
        "anonymous": rule.anonymous,
        "cost": Cost::try_from(rule.cost).unwrap_or_default().as_str_name()
            .trim_start_matches("COST_").to_lowercase(),
        "shedClass": rule.shed_class,
    })
}

fn security(method: &Method) -> Value {
    if method.rule.anonymous {
        return json!([]);
    }
    let permission = method.permission();
    let scopes = if permission == Permission::Unspecified {
        json!([])
    } else {
        json!([scope_name(permission)])
    };
    json!([{"oauth2": scopes}, {"bearer": []}])
}

/// The path with its parameters: `/v1/{name=units/*}:move` is `/v1/units/{unit}:move`.
pub fn path_of(template: &Template) -> (String, Vec<Value>) {
    let mut path = String::new();
    let mut parameters = Vec::new();
    let mut before = "id";
    for segment in &template.segments {
        path.push('/');
        match segment {
            Segment::Literal(text) => {
                path.push_str(text);
                before = text;
            }
            Segment::One | Segment::Rest => {
                let name = singular(before);
                path.push_str(&format!("{{{name}}}"));
                parameters.push(json!({
                    "name": name, "in": "path", "required": true,
                    "description": format!("Last part of the name `{before}/…`."),
                    "schema": {"type": "string", "pattern": format!("^({})$", id_pattern(before))},
                }));
            }
        }
    }
    if !template.verb.is_empty() {
        path.push(':');
        path.push_str(&template.verb);
    }
    (path, parameters)
}

/// One of a collection: `units` are made of a `unit`, `indices` of an `index`.
fn singular(collection: &str) -> String {
    if collection == "indices" {
        return "index".to_owned();
    }
    let stem = match collection.strip_suffix("es") {
        Some(stem) if stem.ends_with(['s', 'x']) => Some(stem),
        _ => collection.strip_suffix('s'),
    };
    stem.unwrap_or(collection).to_owned()
}

fn query(route: &Route, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut found = Vec::new();
    if route.binding.body != "*" {
        let input = route.method.descriptor.input();
        walk(route, &input, &mut Vec::new(), schemas, &mut found);
    }
    found
}

fn walk(
    route: &Route,
    message: &MessageDescriptor,
    way: &mut Vec<FieldDescriptor>,
    schemas: &mut Schemas<'_>,
    found: &mut Vec<Value>,
) {
    for field in message.fields() {
        way.push(field.clone());
        let names: Vec<&str> = way.iter().map(FieldDescriptor::name).collect();
        let bound = route.template.variables.iter().any(|variable| variable.field == names);
        let taken = bound || names[0] == route.binding.body || field.is_map();
        let inner = match field.kind() {
            Kind::Message(inner) if !crate::transcode::scalars::has_text_form(&inner) => {
                Some(inner)
            }
            _ => None,
        };
        match inner {
            _ if taken => {}
            None => {
                let mut schema = schemas.field(&field);
                let text = schema.as_object_mut().and_then(|s| s.remove("description"));
                found.push(json!({
                    "name": crate::transcode::fields::json_path(way), "in": "query",
                    "required": way.len() == 1 && crate::rules::of(&field).required,
                    "description": text.unwrap_or_default(), "schema": schema,
                }));
            }
            Some(inner) if way.len() < NESTING_MAX && !field.is_list() => {
                walk(route, &inner, way, schemas, found);
            }
            Some(_) => {}
        }
        way.pop();
    }
}

fn headers(route: &Route) -> Vec<Value> {
    let method = &route.method.descriptor;
    let header = |name: &str, text: &str, length: u32| {
        json!({"name": name, "in": "header", "required": false, "description": text,
            "schema": {"type": "string", "minLength": 1, "maxLength": length}})
    };
    let mut found = Vec::new();
    if method.input().get_field_by_name("request_id").is_some() {
        let text = "Makes a repeated request harmless: 1 to 255 ASCII characters. In place of \
            `requestId`, or the same.";
        found.push(header("Idempotency-Key", text, 255));
    }
    let creates = method.name().starts_with("Create");
    if has_etag(method, &route.binding.body) && route.method.changes() && !creates {
        let text = "Refuses the change if the version is another. In place of `etag`, or the same.";
        let mut version = header("If-Match", text, 42);
        version["schema"]["pattern"] = json!("^(\\*|\"[^\"]+\")$");
        found.push(version);
    }
    if method.is_server_streaming() && !method.is_client_streaming() {
        if !file::is_file(route.method) {
            found.push(header("Last-Event-ID", "Goes on after this event.", 200));
        }
        found.push(json!({
            "name": "access_token", "in": "query", "required": false,
            "description": "Access token, for event sources that cannot set a header.",
            "schema": {"type": "string"},
        }));
    }
    found
}

fn has_etag(method: &MethodDescriptor, body: &str) -> bool {
    let input = method.input();
    input.get_field_by_name("etag").is_some()
        || crate::transcode::fields::resolve(&input, &[body, "etag"]).is_some()
}

fn request_body(route: &Route, schemas: &mut Schemas<'_>) -> Option<Value> {
    let input = route.method.descriptor.input();
    let schema = match route.binding.body.as_str() {
        "" => return None,
        "*" => {
            let bound = route.template.variables.iter();
            let bound: Vec<&str> = bound
                .filter(|variable| variable.field.len() == 1)
                .map(|variable| variable.field[0].as_str())
                .collect();
            if bound.is_empty() {
                schemas.reference(&input)
            } else {
                schemas.object(&input, &bound)
            }
        }
        name => schemas.field(&input.get_field_by_name(name)?),
    };
    let kind = if route.method.rule.form {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let mut schema = schema;
    if route.method.rule.form {
        schema = form_schema(&input, schemas);
    }
    Some(json!({"required": true, "content": {kind: {"schema": schema}}}))
}

/// Forms use the names of the standard, which are those of the contract.
fn form_schema(input: &MessageDescriptor, schemas: &mut Schemas<'_>) -> Value {
    let fields = input.fields();
    let properties: Map<String, Value> =
        fields.map(|field| (field.name().to_owned(), schemas.field(&field))).collect();
    let fields = input.fields().filter(|field| crate::rules::of(field).required);
    let required: Vec<String> = fields.map(|field| field.name().to_owned()).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn responses(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let method = route.method;
    let error = if method.rule.form { "OAuthError" } else { "Problem" };
    let failure = json!({"$ref": format!("#/components/responses/{error}")});
    if method.descriptor.is_client_streaming() {
        return json!({"501": failure, "default": failure});
    }
    if file::is_file(method) {
        let content = json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
        return json!({"200": {"description": "The file.", "content": content},
            "default": failure});
    }
    let schema = schemas.reference(&method.descriptor.output());
    let content = if method.descriptor.is_server_streaming() {
        json!({
            "text/event-stream": {"schema": schema},
            "application/x-ndjson": {"schema": {
                "type": "object", "properties": {"result": schema, "error": {
                    "$ref": "#/components/schemas/Problem"}},
            }},
        })
    } else {
        json!({"application/json": {"schema": schema}})
    };
    json!({"200": {"description": "Done.", "content": content}, "default": failure})
}
