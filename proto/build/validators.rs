//! Writes `impl Validate` for each message that a caller can send, from the field rules.

use std::{collections::BTreeSet, fmt::Write as _};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::gates::{field_number, field_text, flag, reachable};

/// Rust source of the checks.
pub fn generate(pool: &DescriptorPool) -> String {
    let mut names = BTreeSet::new();
    for service in pool.services().filter(|s| s.package_name().starts_with("manyi.")) {
        for method in service.methods() {
            reachable(&method.input(), &mut names);
        }
    }
    let mut code = String::new();
    for name in &names {
        if let Some(message) = pool.get_message_by_name(name)
            && !message.is_map_entry()
        {
            write_message(&mut code, &message);
        }
    }
    code
}

fn write_message(code: &mut String, message: &MessageDescriptor) {
    let mut body = String::new();
    for field in message.fields().filter(|f| !flag(f, "output_only")) {
        if field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic()) {
            continue;
        }
        write_field(&mut body, &field);
    }
    let path = rust_path(message.full_name());
    let unused = if body.is_empty() { "_" } else { "" };
    let _ = write!(
        code,
        "impl crate::validate::Validate for {path} {{\n    fn check(&self, {unused}c: &mut \
         crate::validate::Check) {{\n{body}    }}\n}}\n"
    );
}

fn write_field(body: &mut String, field: &FieldDescriptor) {
    let checks = if field.is_map() {
        let (max_items, max_len) =
            (field_number(field, "max_items"), field_number(field, "max_len"));
        let (name, json) = (member(field), field.json_name());
        vec![format!("c.map(\"{json}\", &self.{name}, {max_items}, {max_len});")]
    } else if field.is_list() {
        list_checks(field)
    } else {
        single_check(field).into_iter().collect()
    };
    for check in checks {
        let _ = writeln!(body, "        {check}");
    }
}

fn list_checks(field: &FieldDescriptor) -> Vec<String> {
    let (name, json) = (member(field), field.json_name());
    let (required, per_item) = (flag(field, "required"), flag(field, "per_item"));
    let (max_items, max_len) = (field_number(field, "max_items"), field_number(field, "max_len"));
    let resource = field_text(field, "resource");
    let each = format!("for (i, v) in self.{name}.iter().enumerate()");
    let items = match field.kind() {
        Kind::String if !resource.is_empty() => {
            Some(format!("{each} {{ c.name_at(\"{json}\", i, v, \"{resource}\"); }}"))
        }
        Kind::String => Some(format!("{each} {{ c.text_at(\"{json}\", i, v, {max_len}); }}")),
        Kind::Message(inner) if !per_item && inner.full_name().starts_with("manyi.") => {
            Some(format!("c.each(\"{json}\", &self.{name});"))
        }
        Kind::Enum(e) => Some(format!(
            "for v in &self.{name} {{ c.known(\"{json}\", {}::try_from(*v).is_ok()); }}",
            rust_path(e.full_name())
        )),
        _ => None,
    };
    let count = format!("c.items(\"{json}\", self.{name}.len(), {max_items}, {required});");
    std::iter::once(count).chain(items).collect()
}

fn single_check(field: &FieldDescriptor) -> Option<String> {
    let (name, json) = (member(field), field.json_name());
    let (required, max_len) = (flag(field, "required"), field_number(field, "max_len"));
    let resource = field_text(field, "resource");
    if field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic()) {
        return optional_check(field);
    }
    match field.kind() {
        Kind::String if !resource.is_empty() => {
            Some(format!("c.name(\"{json}\", &self.{name}, \"{resource}\", {required});"))
        }
        Kind::String => Some(format!("c.text(\"{json}\", &self.{name}, {max_len}, {required});")),
        Kind::Double => Some(format!("c.finite(\"{json}\", self.{name});")),
        Kind::Enum(e) => Some(format!(
            "c.known(\"{json}\", {}::try_from(self.{name}).is_ok());",
            rust_path(e.full_name())
        )),
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => {
                Some(format!("c.time(\"{json}\", self.{name}.as_ref(), {required});"))
            }
            "google.protobuf.FieldMask" => {
                Some(format!("c.mask(\"{json}\", self.{name}.as_ref());"))
            }
            full if full.starts_with("manyi.") => {
                Some(format!("c.inner(\"{json}\", self.{name}.as_ref(), {required});"))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Check of a field that says whether it is set.
fn optional_check(field: &FieldDescriptor) -> Option<String> {
    let (name, json) = (member(field), field.json_name());
    let check = match field.kind() {
        Kind::String if !field_text(field, "resource").is_empty() => {
            format!("c.name(\"{json}\", v, \"{}\", false);", field_text(field, "resource"))
        }
        Kind::String => {
            format!("c.text(\"{json}\", v, {}, false);", field_number(field, "max_len"))
        }
        Kind::Double => format!("c.finite(\"{json}\", *v);"),
        Kind::Enum(e) => {
            let path = rust_path(e.full_name());
            format!("c.known(\"{json}\", {path}::try_from(*v).is_ok());")
        }
        _ => return None,
    };
    Some(format!("if let Some(v) = self.{name}.as_ref() {{ {check} }}"))
}

/// Name of the field in the generated struct; keywords are escaped there.
fn member(field: &FieldDescriptor) -> String {
    match field.name() {
        name @ ("type" | "match" | "use" | "in" | "where" | "ref" | "move" | "for") => {
            format!("r#{name}")
        }
        name => name.to_owned(),
    }
}

/// `manyi.auth.v1.Unit` becomes `crate::auth::v1::Unit`.
fn rust_path(full_name: &str) -> String {
    full_name.replacen("manyi.", "crate::", 1).replace('.', "::")
}
