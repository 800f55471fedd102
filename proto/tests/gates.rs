//! The build refuses a contract that leaves something out. The build runs the same checks on
//! the real contract; here they meet contracts with one fault each.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the build uses the rest")]
#[path = "../build/gates.rs"]
mod gates;

use std::{fs, path::Path};

use prost_reflect::DescriptorPool;

const SOUND_RULE: &str = r#"
    option (manyi.common.v1.rule) = {
      permission: PERMISSION_ORG_READ kinds: KIND_USER scope: SCOPE_UNIT_IN_REQUEST
      object_field: "unit" cost: COST_CHEAP shed_class: 4
    };"#;
const SOUND_ROUTE: &str = r#"option (google.api.http) = { get: "/v1/things" };"#;
const SOUND_FIELDS: &str = r#"
  string unit = 1 [(manyi.common.v1.field) = { resource: "unit" }];
  string text = 2 [(manyi.common.v1.field) = { max_len: 10 }];"#;

/// What is wrong with a contract of one call.
fn problems(name: &str, rule: &str, route: &str, fields: &str) -> Vec<String> {
    let source = format!(
        r#"syntax = "proto3";
package manyi.thing.v1;
import "google/api/annotations.proto";
import "manyi/common/v1/policy.proto";
service ThingService {{
  rpc {name}(Request) returns (Answer) {{ {rule} {route} }}
}}
message Request {{ {fields} }}
message Answer {{ string any = 1; }}
"#
    );
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thing.proto"), source).unwrap();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([folder.path(), contract]).unwrap();
    compiler.include_imports(true).open_file("thing.proto").unwrap();
    let raw = compiler.encode_file_descriptor_set();
    gates::check(&DescriptorPool::decode(raw.as_slice()).unwrap())
}

fn with_rule(from: &str, to: &str) -> String {
    assert!(SOUND_RULE.contains(from), "{from}");
    SOUND_RULE.replace(from, to)
}

#[test]
fn a_sound_contract_and_the_real_one_are_let_through() {
    let found = problems("GetThing", SOUND_RULE, SOUND_ROUTE, SOUND_FIELDS);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(gates::check(proto::methods::pool()), Vec::<String>::new());
}

#[test]
fn each_thing_that_is_left_out_is_named() {
    let audited = with_rule("cost:", "audit: AUDIT_CHANGE cost:");
    let anonymous =
        "option (manyi.common.v1.rule) = { anonymous: true scope: SCOPE_NONE cost: COST_CHEAP };";
    let rules = [
        (String::new(), "has no (manyi.common.v1.rule)"),
        (with_rule("permission: PERMISSION_ORG_READ", ""), "rule has no permission"),
        (with_rule("kinds: KIND_USER", ""), "rule names no kind of caller"),
        (with_rule("scope: SCOPE_UNIT_IN_REQUEST", ""), "rule has no scope"),
        (with_rule("cost: COST_CHEAP", ""), "rule has no cost"),
        (with_rule(r#"object_field: "unit""#, ""), "the scope needs an object_field"),
        (with_rule(r#""unit""#, r#""text""#), "is no id field of the request"),
        (with_rule(r#""unit""#, r#""thing.unit""#), "is no id field of the request"),
        (audited, "changes state without an idempotency class"),
        (anonymous.to_owned(), "is anonymous without saying why"),
    ];
    for (rule, says) in rules {
        let found = problems("GetThing", &rule, SOUND_ROUTE, SOUND_FIELDS);
        assert!(found.iter().any(|problem| problem.contains(says)), "{rule}\n{says}\n{found:?}");
    }
    let routes = [
        ("GetThing", "", "has no (google.api.http)"),
        ("RetireThing", r#"delete: "/v1/things""#, "without an audit class"),
        ("UpdateThing", r#"patch: "/v1/things" body: "*""#, "without an audit class"),
        ("CreateThing", r#"post: "/v1/things" body: "*""#, "without an audit class"),
    ];
    for (name, route, says) in routes {
        let route = match route {
            "" => String::new(),
            route => format!("option (google.api.http) = {{ {route} }};"),
        };
        let found = problems(name, SOUND_RULE, &route, SOUND_FIELDS);
        assert!(found.iter().any(|problem| problem.contains(says)), "{name} {says} {found:?}");
    }
    let fields = [
        ("string free = 3;", "text without max_len or resource"),
        ("repeated int32 many = 3;", "repeated without max_items"),
        ("map<int32, int32> map = 3;", "repeated without max_items"),
        ("bytes raw = 3;", "bytes have no place in a request"),
    ];
    for (field, says) in fields {
        let fields = format!("{SOUND_FIELDS} {field}");
        let found = problems("GetThing", SOUND_RULE, SOUND_ROUTE, &fields);
        assert!(found.iter().any(|problem| problem.contains(says)), "{field} {says} {found:?}");
    }
}
