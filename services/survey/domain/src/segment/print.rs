//! Writes a filter in its canonical form.

use super::{Comparison, FIELDS, Node, Operand, Value};

pub fn print(node: &Node) -> String {
    match node {
        Node::Or(parts) => joined(parts, " or "),
        Node::And(parts) => joined(parts, " and "),
        Node::Not(inner) => match inner.as_ref() {
            Node::Empty(operand) => format!("{} is not empty", operand_text(operand)),
            inner => format!("not {}", inside(inner)),
        },
        Node::Empty(operand) => format!("{} is empty", operand_text(operand)),
        Node::Compare(operand, comparison, value) => {
            format!("{} {} {}", operand_text(operand), sign(*comparison), value_text(value))
        }
        Node::In(operand, values) => {
            let values: Vec<String> = values.iter().map(value_text).collect();
            format!("{} in ({})", operand_text(operand), values.join(", "))
        }
    }
}

fn joined(parts: &[Node], between: &str) -> String {
    parts.iter().map(inside).collect::<Vec<_>>().join(between)
}

/// In brackets where they are needed to read the same tree again.
fn inside(node: &Node) -> String {
    match node {
        Node::Or(_) | Node::And(_) => format!("({})", print(node)),
        _ => print(node),
    }
}

fn operand_text(operand: &Operand) -> String {
    match operand {
        Operand::Attribute(code, _) => format!("attr.{code}"),
        Operand::Field(field) => {
            let known = FIELDS.iter().find(|(_, known, _)| known == field);
            known.map(|(name, ..)| *name).unwrap_or_default().to_owned()
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Contains => "contains",
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Number(number) => format!("{number}"),
        Value::Date(date) => date.to_string(),
        Value::Truth(truth) => truth.to_string(),
    }
}
