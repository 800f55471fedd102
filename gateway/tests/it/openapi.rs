//! The OpenAPI document says what the contract says.

use std::collections::BTreeSet;

use proto::{common::v1::Kind, methods};
use serde_json::Value;

use crate::fake::World;

async fn document() -> Value {
    let world = World::new().await;
    let answer = world.ask("GET", "/openapi.json", None).await;
    assert_eq!(answer.status, 200);
    answer.body
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            found.push((path.clone(), verb.clone(), operation.clone()));
        }
    }
    found
}

#[tokio::test]
async fn operations_are_exactly_the_public_methods_with_their_security() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let internal_only = |method: &methods::Method| {
        !method.rule.anonymous && method.rule.kinds.iter().all(|k| *k == Kind::Internal as i32)
    };
    let mut want = BTreeSet::new();
    for method in methods::table().values().filter(|method| !internal_only(method)) {
        let name = method.path.trim_start_matches('/').to_owned();
        want.insert((name, method.rule.anonymous, method.http.len()));
    }
    let mut got = std::collections::BTreeMap::<String, (bool, usize)>::new();
    let mut ids = BTreeSet::new();
    for (path, verb, operation) in operations(&document) {
        let name = operation["x-grpc-method"].as_str().unwrap().to_owned();
        let anonymous = operation["security"].as_array().unwrap().is_empty();
        got.entry(name).or_insert((anonymous, 0)).1 += 1;
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "{verb} {path} has the id of another operation");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        assert!(operation["responses"]["default"].is_object(), "{path}");
    }
    let got: BTreeSet<_> = got.into_iter().map(|(name, (open, n))| (name, open, n)).collect();
    assert_eq!(got, want);
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    fn walk(node: &Value, document: &Value) {
        match node {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{target}");
                }
                members.values().for_each(|member| walk(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
            _ => {}
        }
    }
    let document = document().await;
    walk(&document, &document);
}

#[tokio::test]
async fn path_parameters_are_declared_and_limits_are_shown() {
    let document = document().await;
    for (path, _, operation) in operations(&document) {
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let declared: BTreeSet<&str> = parameters
            .iter()
            .filter(|p| p["in"] == "path")
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        let used: BTreeSet<&str> =
            path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert_eq!(declared, used, "{path}");
    }
    let unit = &document["components"]["schemas"]["manyi.auth.v1.Unit"]["properties"];
    assert_eq!(unit["displayName"]["maxLength"], 200);
    assert_eq!(unit["openingHours"]["maxItems"], 28);
    assert!(unit["parent"]["pattern"].as_str().unwrap().contains("units"));
    assert_eq!(unit["path"]["readOnly"], true);
    assert!(unit["displayName"]["description"].as_str().unwrap().contains("unique"));
    let token = &document["paths"]["/v1/token"]["post"];
    let form = &token["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    assert!(form["properties"]["grant_type"].is_object());
    assert_eq!(token["security"], serde_json::json!([]));
    let list = &document["paths"]["/v1/units"]["get"]["parameters"];
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"pageSize") && names.contains(&"ancestor"), "{names:?}");
}

#[tokio::test]
async fn path_parameters_are_called_by_one_of_their_collection() {
    let document = document().await;
    let named = |path: &str| document["paths"].get(path).is_some();
    let paths = [
        "/v1/indices/{index}",
        "/v1/customerClasses/{customerClass}",
        "/v1/staff/{staff}",
        "/v1/devices/{device}",
    ];
    for path in paths {
        assert!(named(path), "{path}");
    }
}

#[tokio::test]
async fn a_generator_learns_what_is_refused_whatever_it_means() {
    let document = document().await;
    let parameter = |path: &str, verb: &str, name: &str| {
        let all = document["paths"][path][verb]["parameters"].as_array().unwrap();
        let found = all.iter().find(|parameter| parameter["name"] == name);
        found.unwrap_or_else(|| panic!("{verb} {path} has no {name}"))["schema"].clone()
    };
    let pattern = |schema: &Value| schema["pattern"].as_str().unwrap().to_owned();
    let unit = parameter("/v1/units/{unit}", "get", "unit");
    assert_eq!(pattern(&unit), "^(u_[0-9a-f]{32})$");
    assert_eq!(parameter("/v1/units", "get", "pageSize")["minimum"], 0);
    let version = parameter("/v1/units/{unit}", "patch", "If-Match");
    assert_eq!(pattern(&version), r#"^(\*|"[^"]+")$"#);
    let schemas = &document["components"]["schemas"];
    let field = |message: &str, field: &str| pattern(&schemas[message]["properties"][field]);
    assert_eq!(field("manyi.auth.v1.Unit", "parent"), "^((units)/(u_[0-9a-f]{32}))?$");
    let grant = field("manyi.auth.v1.Grant", "subject");
    assert_eq!(grant, "^((users|clients)/(us_[0-9a-f]{32}|c_[0-9a-f]{32}))$");
    let role = field("manyi.auth.v1.Grant", "role");
    assert_eq!(role, "^((roles)/(r_[0-9a-f]{32}|[a-z-]{1,40}))$");
    assert_eq!(field("manyi.device.v1.Device", "backlog"), "^-?[0-9]{1,19}$");
}

#[tokio::test]
async fn the_page_has_a_chinese_title_for_every_service() {
    let world = World::new().await;
    let page = world.ask("GET", "/docs/docs.js", None).await;
    let page = page.body.as_str().unwrap();
    let document = document().await;
    for (path, _, operation) in operations(&document) {
        let service = operation["tags"][0].as_str().unwrap();
        assert!(page.contains(&format!(" {service}: \"")), "{service} of {path}");
    }
}

#[tokio::test]
async fn a_creation_asks_for_no_version() {
    let document = document().await;
    for (path, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let headers = operation["parameters"].as_array().unwrap();
        let asked = headers.iter().any(|parameter| parameter["name"] == "If-Match");
        assert!(!asked || !id.contains(".Create"), "{path}");
    }
}
