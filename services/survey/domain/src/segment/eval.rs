//! Evaluates a filter.

use std::cmp::Ordering;

use super::{Comparison, Field, Kind, Node, Operand, Value};
use crate::attribute;

/// What a filter is evaluated on.
pub trait Subject {
    /// Value of a field; nothing when it is not known.
    fn field(&self, field: Field) -> Option<Value>;
    /// Canonical text of an attribute; nothing when it is not known.
    fn attribute(&self, code: &str) -> Option<&str>;
}

pub fn matches(node: &Node, subject: &impl Subject) -> bool {
    match node {
        Node::Or(parts) => parts.iter().any(|part| matches(part, subject)),
        Node::And(parts) => parts.iter().all(|part| matches(part, subject)),
        Node::Not(inner) => !matches(inner, subject),
        Node::Empty(operand) => known(operand, subject).is_none(),
        Node::Compare(operand, comparison, value) => {
            known(operand, subject).is_some_and(|found| holds(&found, *comparison, value))
        }
        Node::In(operand, values) => known(operand, subject)
            .is_some_and(|found| values.iter().any(|v| holds(&found, Comparison::Equal, v))),
    }
}

fn known(operand: &Operand, subject: &impl Subject) -> Option<Value> {
    match operand {
        Operand::Field(field) => subject.field(*field),
        Operand::Attribute(code, kind) => {
            let text = subject.attribute(code)?;
            match kind {
                Kind::Text => Some(Value::Text(text.to_owned())),
                Kind::Number => text.parse().ok().map(Value::Number),
                Kind::Date => attribute::date(text).ok().map(Value::Date),
                Kind::Truth => attribute::boolean(text).ok().map(Value::Truth),
            }
        }
    }
}

fn holds(found: &Value, comparison: Comparison, value: &Value) -> bool {
    if comparison == Comparison::Contains {
        let (Value::Text(found), Value::Text(part)) = (found, value) else { return false };
        return found.to_lowercase().contains(&part.to_lowercase());
    }
    let order = match (found, value) {
        (Value::Text(a), Value::Text(b)) => a.partial_cmp(b),
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Date(a), Value::Date(b)) => a.partial_cmp(b),
        (Value::Truth(a), Value::Truth(b)) => a.partial_cmp(b),
        _ => None,
    };
    let Some(order) = order else { return false };
    match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Contains => false,
    }
}
