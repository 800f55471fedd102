//! Reads a filter: recursive descent with a limit of depth and of tests.

use super::{
    CHARS_MAX, Comparison, DEPTH_MAX, FIELDS, Fault, Filter, Kind, Node, Operand, TESTS_MAX,
    VALUES_MAX, Value, kind_of,
    lex::{Token, Word, words},
};
use crate::attribute::Attribute;

pub fn parse(text: &str, attributes: &[Attribute]) -> Result<Filter, Fault> {
    // Bytes bound characters, so that a huge text is not counted.
    if text.len() > CHARS_MAX * 4 || text.chars().count() > CHARS_MAX {
        let text = format!("the filter is longer than {CHARS_MAX} characters");
        return Err(Fault { at: CHARS_MAX + 1, text });
    }
    let tokens = words(text)?;
    let mut parser = Parser { tokens, next: 0, depth: 0, tests: 0, attributes };
    let root = parser.or()?;
    match parser.word() {
        Word::End => Ok(Filter { root }),
        _ => Err(parser.fault("`and`, `or` or the end is expected")),
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    tests: usize,
    attributes: &'a [Attribute],
}

impl Parser<'_> {
    fn word(&self) -> &Word {
        // The last word is the end, beyond which `step` never goes.
        &self.tokens[self.next].word
    }

    fn step(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { at: self.tokens[self.next].at, text: text.into() }
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let found = matches!(self.word(), Word::Name(name) if name == keyword);
        if found {
            self.step();
        }
        found
    }

    fn or(&mut self) -> Result<Node, Fault> {
        let mut parts = vec![self.and()?];
        while self.takes("or") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Node::Or))
    }

    fn and(&mut self) -> Result<Node, Fault> {
        let mut parts = vec![self.not()?];
        while self.takes("and") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Node::And))
    }

    fn not(&mut self) -> Result<Node, Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(format!("the filter is deeper than {DEPTH_MAX} levels")));
        }
        let node = if self.takes("not") {
            Node::Not(Box::new(self.not()?))
        } else if *self.word() == Word::Open {
            self.step();
            let inner = self.or()?;
            self.close()?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn close(&mut self) -> Result<(), Fault> {
        if *self.word() != Word::Close {
            return Err(self.fault("`)` is expected"));
        }
        self.step();
        Ok(())
    }

    fn test(&mut self) -> Result<Node, Fault> {
        self.tests += 1;
        if self.tests > TESTS_MAX {
            return Err(self.fault(format!("the filter has more than {TESTS_MAX} tests")));
        }
        let operand = self.operand()?;
        if self.takes("is") {
            let negated = self.takes("not");
            if !self.takes("empty") {
                return Err(self.fault("`empty` is expected"));
            }
            let empty = Node::Empty(operand);
            return Ok(if negated { Node::Not(Box::new(empty)) } else { empty });
        }
        if self.takes("in") {
            return self.list(operand);
        }
        let comparison = self.comparison(operand.kind())?;
        let value = self.value(operand.kind())?;
        Ok(Node::Compare(operand, comparison, value))
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        let Word::Name(name) = self.word().clone() else {
            return Err(self.fault("the name of a field is expected"));
        };
        let operand = if let Some((_, field, _)) = FIELDS.iter().find(|(known, ..)| *known == name)
        {
            Operand::Field(*field)
        } else if let Some(code) = name.strip_prefix("attr.") {
            let known = self.attributes.iter().find(|a| a.code == code && a.retire_us.is_none());
            match known {
                None => return Err(self.fault("there is no such attribute")),
                Some(attribute) if attribute.personal => {
                    return Err(self.fault("this attribute is personal and cannot be searched"));
                }
                Some(attribute) => Operand::Attribute(code.to_owned(), kind_of(attribute)),
            }
        } else {
            return Err(self.fault("there is no such field"));
        };
        self.step();
        Ok(operand)
    }

    fn comparison(&mut self, kind: Kind) -> Result<Comparison, Fault> {
        let comparison = match self.word() {
            Word::Sign("=") => Comparison::Equal,
            Word::Sign("!=") => Comparison::NotEqual,
            Word::Sign("<") => Comparison::Less,
            Word::Sign("<=") => Comparison::LessOrEqual,
            Word::Sign(">") => Comparison::Greater,
            Word::Sign(">=") => Comparison::GreaterOrEqual,
            Word::Name(name) if name == "contains" => Comparison::Contains,
            _ => return Err(self.fault("a comparison is expected")),
        };
        let ordered = matches!(kind, Kind::Number | Kind::Date);
        let fits = match comparison {
            Comparison::Equal | Comparison::NotEqual => true,
            Comparison::Contains => kind == Kind::Text,
            _ => ordered,
        };
        if !fits {
            return Err(self.fault("this comparison does not fit the field"));
        }
        self.step();
        Ok(comparison)
    }

    fn list(&mut self, operand: Operand) -> Result<Node, Fault> {
        if *self.word() != Word::Open {
            return Err(self.fault("`(` is expected"));
        }
        self.step();
        let mut values = vec![self.value(operand.kind())?];
        while *self.word() == Word::Comma {
            self.step();
            if values.len() == VALUES_MAX {
                return Err(self.fault(format!("the list has more than {VALUES_MAX} values")));
            }
            values.push(self.value(operand.kind())?);
        }
        self.close()?;
        Ok(Node::In(operand, values))
    }

    fn value(&mut self, kind: Kind) -> Result<Value, Fault> {
        let value = match self.word().clone() {
            Word::Text(text) => Value::Text(text),
            Word::Number(number) => Value::Number(number),
            Word::Date(date) => Value::Date(date),
            Word::Name(name) if name == "true" => Value::Truth(true),
            Word::Name(name) if name == "false" => Value::Truth(false),
            _ => return Err(self.fault("a value is expected; texts stand in quotes")),
        };
        if value.kind() != kind {
            let wanted = match kind {
                Kind::Text => "a text in quotes",
                Kind::Number => "a number",
                Kind::Date => "a date such as 2026-01-31",
                Kind::Truth => "true or false",
            };
            return Err(self.fault(format!("{wanted} is expected for this field")));
        }
        self.step();
        Ok(value)
    }
}

fn one_or(mut parts: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}
