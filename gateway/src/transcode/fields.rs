//! Fields named by a path such as `unit.name`, from path variables, queries, forms and
//! headers.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::{json_in::field_of, scalars};

/// The fields along a path, in either spelling of names; `None` when one does not exist or is
/// no message to go into.
pub fn resolve(root: &MessageDescriptor, path: &[&str]) -> Option<Vec<FieldDescriptor>> {
    let mut fields = Vec::with_capacity(path.len());
    let mut message = Some(root.clone());
    for name in path {
        let field = field_of(message.as_ref()?, name)?;
        message = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
            _ => None,
        };
        fields.push(field);
    }
    (!fields.is_empty()).then_some(fields)
}

/// JSON path of fields, such as `unit.displayName`.
pub fn json_path(fields: &[FieldDescriptor]) -> String {
    fields.iter().map(FieldDescriptor::json_name).collect::<Vec<_>>().join(".")
}

/// The value at a path, if it is there and not its default.
pub fn get(root: &DynamicMessage, fields: &[FieldDescriptor]) -> Option<Value> {
    let (first, rest) = fields.split_first()?;
    if !root.has_field(first) {
        return None;
    }
    let value = root.get_field(first);
    if rest.is_empty() { Some(value.into_owned()) } else { get(value.as_message()?, rest) }
}

/// Puts a value at a path, making the messages on the way.
pub fn set(root: &mut DynamicMessage, fields: &[FieldDescriptor], value: Value) {
    let Some((last, way)) = fields.split_last() else { return };
    let mut message = root;
    for field in way {
        if !message.has_field(field) {
            message.set_field(field, Value::default_value_for_field(field));
        }
        message = match message.get_field_mut(field) {
            Value::Message(inner) => inner,
            _ => return,
        };
    }
    message.set_field(last, value);
}

/// Reads texts as the value of a field: several for a repeated one, else exactly one.
///
/// # Errors
/// What does not fit.
pub fn read(field: &FieldDescriptor, texts: &[String]) -> Result<Value, scalars::Misfit> {
    let kind = field.kind();
    if field.is_map() {
        return Err("cannot be given here".into());
    }
    if field.is_list() {
        let values: Result<Vec<Value>, _> =
            texts.iter().map(|text| scalars::from_text(&kind, text)).collect();
        return values.map(Value::List);
    }
    match texts {
        [text] => scalars::from_text(&kind, text),
        _ => Err("is given more than once".into()),
    }
}
