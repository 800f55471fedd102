//! What the contract must declare: each finding is one line for the developer.

use std::collections::BTreeSet;

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};

/// All violations of the contract's own rules; empty when it is sound.
pub fn check(pool: &DescriptorPool) -> Vec<String> {
    let mut problems = Vec::new();
    let mut requests = BTreeSet::new();
    for service in pool.services().filter(|s| s.package_name().starts_with("manyi.")) {
        for method in service.methods() {
            check_method(&method, &mut problems);
            reachable(&method.input(), &mut requests);
        }
    }
    for name in &requests {
        if let Some(message) = pool.get_message_by_name(name)
            && !message.is_map_entry()
        {
            for field in message.fields() {
                check_field(&field, &mut problems);
            }
        }
    }
    problems
}

/// Names of our messages that a caller can send: `root` and what it holds, leaving out
/// fields that only the server sets.
pub fn reachable(root: &MessageDescriptor, seen: &mut BTreeSet<String>) {
    if !root.full_name().starts_with("manyi.") || !seen.insert(root.full_name().to_owned()) {
        return;
    }
    for field in root.fields() {
        if flag(&field, "output_only") {
            continue;
        }
        if let Kind::Message(inner) = field.kind() {
            reachable(&inner, seen);
        }
    }
}

fn check_method(method: &MethodDescriptor, problems: &mut Vec<String>) {
    let name = method.full_name();
    let mut report = |text: &str| problems.push(format!("{name}: {text}"));
    let Some(rule) = extension(&method.options(), "manyi.common.v1.rule") else {
        return report("has no (manyi.common.v1.rule)");
    };
    let http = extension(&method.options(), "google.api.http");
    if http.is_none() {
        report("has no (google.api.http)");
    }
    // What a POST does nobody can see; the other verbs say it, and so does the name of a creation.
    let changes = |http: &DynamicMessage| {
        ["put", "patch", "delete"].iter().any(|verb| http.has_field_by_name(verb))
            || http.has_field_by_name("post") && method.name().starts_with("Create")
    };
    if http.is_some_and(|http| changes(&http)) && enum_of(&rule, "audit") == 0 {
        report("changes state without an audit class");
    }
    let permission = enum_of(&rule, "permission");
    let scope = enum_of(&rule, "scope");
    let anonymous = bool_of(&rule, "anonymous");
    let (own, none) = (6, 1);
    if scope == 0 {
        report("rule has no scope");
    }
    if anonymous && text_of(&rule, "why").is_empty() {
        report("is anonymous without saying why");
    }
    if !anonymous && list_len(&rule, "kinds") == 0 {
        report("rule names no kind of caller");
    }
    if !anonymous && permission == 0 && scope != own {
        report("rule has no permission");
    }
    if enum_of(&rule, "own_permission") != 0 && (permission == 0 || anonymous) {
        report("names an own_permission beside no permission");
    }
    if anonymous && scope != none {
        report("anonymous calls have SCOPE_NONE");
    }
    if enum_of(&rule, "audit") != 0 && enum_of(&rule, "idempotency") == 0 {
        report("changes state without an idempotency class");
    }
    if enum_of(&rule, "cost") == 0 {
        report("rule has no cost");
    }
    let object = text_of(&rule, "object_field");
    let (of_object, in_request) = (3, 4);
    if object.is_empty() && (scope == of_object || scope == in_request) {
        report("the scope needs an object_field");
    }
    if !object.is_empty() && !resolves(&method.input(), &object) {
        report(&format!("object_field `{object}` is no id field of the request"));
    }
}

/// Whether `path` leads to a string field that names a resource.
fn resolves(message: &MessageDescriptor, path: &str) -> bool {
    let (head, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = message.get_field_by_name(head) else { return false };
    match (field.kind(), rest) {
        (Kind::String, "") => !field_text(&field, "resource").is_empty(),
        (Kind::Message(inner), rest) if !rest.is_empty() => resolves(&inner, rest),
        _ => false,
    }
}

fn check_field(field: &FieldDescriptor, problems: &mut Vec<String>) {
    if flag(field, "output_only") {
        return;
    }
    let name = field.full_name();
    let limited = field_number(field, "max_len") > 0 || !field_text(field, "resource").is_empty();
    if matches!(field.kind(), Kind::String) && !limited {
        problems.push(format!("{name}: text without max_len or resource"));
    }
    if matches!(field.kind(), Kind::Bytes) {
        problems.push(format!("{name}: bytes have no place in a request"));
    }
    if (field.is_list() || field.is_map()) && field_number(field, "max_items") == 0 {
        problems.push(format!("{name}: repeated without max_items"));
    }
}

/// The value of an extension in an options message.
pub fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    options
        .extensions()
        .find(|(descriptor, _)| descriptor.full_name() == name)
        .and_then(|(_, value)| value.as_message().cloned())
}

/// A flag of a field's rule.
pub fn flag(field: &FieldDescriptor, name: &str) -> bool {
    field_rule(field).is_some_and(|rule| bool_of(&rule, name))
}

/// A text of a field's rule; empty when not set.
pub fn field_text(field: &FieldDescriptor, name: &str) -> String {
    field_rule(field).map(|rule| text_of(&rule, name)).unwrap_or_default()
}

/// A number of a field's rule; 0 when not set.
pub fn field_number(field: &FieldDescriptor, name: &str) -> u32 {
    field_rule(field).and_then(|rule| value_of(&rule, name)?.as_u32()).unwrap_or_default()
}

fn field_rule(field: &FieldDescriptor) -> Option<DynamicMessage> {
    extension(&field.options(), "manyi.common.v1.field")
}

fn value_of(message: &DynamicMessage, name: &str) -> Option<Value> {
    message.get_field_by_name(name).map(|value| value.into_owned())
}

fn enum_of(message: &DynamicMessage, name: &str) -> i32 {
    value_of(message, name).and_then(|value| value.as_enum_number()).unwrap_or_default()
}

fn bool_of(message: &DynamicMessage, name: &str) -> bool {
    value_of(message, name).and_then(|value| value.as_bool()).unwrap_or_default()
}

fn text_of(message: &DynamicMessage, name: &str) -> String {
    value_of(message, name).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn list_len(message: &DynamicMessage, name: &str) -> usize {
    value_of(message, name).and_then(|value| value.as_list().map(<[_]>::len)).unwrap_or_default()
}
