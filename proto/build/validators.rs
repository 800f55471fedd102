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
    let name = field.name();
    let json = field.json_name();
    let (required, per_item) = (flag(field, "required"), flag(field, "per_item"));
    let max_len = field_number(field, "max_len");
    let max_items = field_number(field, "max_items");
    let resource = field_text(field, "resource");
    let mut line = |text: String| {
        let _ = writeln!(body, "        {text}");
    };
    if field.is_map() {
        line(format!("c.map(\"{json}\", &self.{name}, {max_items}, {max_len});"));
        return;
    }
    if field.is_list() {
        line(format!("c.items(\"{json}\", self.{name}.len(), {max_items}, {required});"));
        match field.kind() {
            Kind::String if !resource.is_empty() => line(format!(
                "for (i, v) in self.{name}.iter().enumerate() {{ \
                 c.name_at(\"{json}\", i, v, \"{resource}\"); }}"
            )),
            Kind::String => line(format!(
                "for (i, v) in self.{name}.iter().enumerate() {{ \
                 c.text_at(\"{json}\", i, v, {max_len}); }}"
            )),
            Kind::Message(inner) if !per_item && inner.full_name().starts_with("manyi.") => {
                line(format!("c.each(\"{json}\", &self.{name});"));
            }
            Kind::Enum(e) => line(format!(
                "for v in &self.{name} {{ c.known(\"{json}\", \
                 {}::try_from(*v).is_ok()); }}",
                rust_path(e.full_name())
            )),
            _ => {}
        }
        return;
    }
    match field.kind() {
        Kind::String if !resource.is_empty() => {
            line(format!("c.name(\"{json}\", &self.{name}, \"{resource}\", {required});"));
        }
        Kind::String => {
            line(format!("c.text(\"{json}\", &self.{name}, {max_len}, {required});"));
        }
        Kind::Double => line(format!("c.finite(\"{json}\", self.{name});")),
        Kind::Enum(e) => line(format!(
            "c.known(\"{json}\", {}::try_from(self.{name}).is_ok());",
            rust_path(e.full_name())
        )),
        Kind::Message(inner) => match inner.full_name() {
            "google.protobuf.Timestamp" => {
                line(format!("c.time(\"{json}\", self.{name}.as_ref(), {required});"));
            }
            "google.protobuf.FieldMask" => {
                line(format!("c.mask(\"{json}\", self.{name}.as_ref());"));
            }
            full if full.starts_with("manyi.") => {
                line(format!("c.inner(\"{json}\", self.{name}.as_ref(), {required});"));
            }
            _ => {}
        },
        _ => {}
    }
}

/// `manyi.auth.v1.Unit` becomes `crate::auth::v1::Unit`.
fn rust_path(full_name: &str) -> String {
    full_name.replacen("manyi.", "crate::", 1).replace('.', "::")
}
