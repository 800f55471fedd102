//! Conditions: a small part of the expression language of SurveyJS, parsed and never evaluated.
//! `or`, `and`, parentheses, comparisons of one question with constants.

use serde_json::{Map, Value};

use super::{Importer, Known, Outcome};
use crate::questionnaire::{Condition, Group, Kind, Operator, Term};

const GROUPS_MAX: usize = 20;
const TERMS_MAX: usize = 20;
const TOKENS_MAX: usize = 500;
const DEPTH_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Word(String),
    Mark(char),
}

impl Importer {
    /// The condition of an element; reported and left out when it says more than can be said
    /// here.
    pub(super) fn condition(
        &mut self,
        pointer: &str,
        element: &Map<String, Value>,
        key: &str,
        question: &str,
    ) -> Option<Condition> {
        let text = element.get(key)?.as_str()?;
        let parsed = self.parsed(text);
        match parsed {
            Ok(condition) => Some(condition),
            Err(why) => {
                let text =
                    format!("the condition cannot be taken over, so this is always shown: {why}");
                self.remark(&format!("{pointer}/{key}"), Outcome::LeftOut, text, question);
                None
            }
        }
    }

    /// Holds when both hold.
    pub(super) fn both(
        &mut self,
        pointer: &str,
        outer: Option<Condition>,
        own: Option<Condition>,
        question: &str,
    ) -> Option<Condition> {
        let (Some(outer), Some(own)) = (outer.clone(), own.clone()) else { return outer.or(own) };
        match product(&outer.any_of, &own.any_of) {
            Ok(any_of) => Some(Condition { any_of }),
            Err(why) => {
                let text =
                    format!("the condition of the panel cannot be kept beside its own: {why}");
                self.remark(pointer, Outcome::LeftOut, text, question);
                Some(own)
            }
        }
    }

    fn parsed(&self, text: &str) -> Result<Condition, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { importer: self, tokens: &tokens, at: 0 };
        let any_of = parser.any(0)?;
        if parser.at < tokens.len() {
            return Err("something stands behind its end".to_owned());
        }
        Ok(Condition { any_of })
    }
}

fn product(left: &[Group], right: &[Group]) -> Result<Vec<Group>, String> {
    let mut groups = Vec::new();
    for a in left {
        for b in right {
            let all_of: Vec<Term> = a.all_of.iter().chain(&b.all_of).cloned().collect();
            if all_of.len() > TERMS_MAX || groups.len() >= GROUPS_MAX {
                return Err("it is too long".to_owned());
            }
            groups.push(Group { all_of });
        }
    }
    Ok(groups)
}

struct Parser<'a> {
    importer: &'a Importer,
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Vec<Group>, String> {
        if depth > DEPTH_MAX {
            return Err("it is nested too deep".to_owned());
        }
        let mut groups = self.all(depth)?;
        while self.takes("or") || self.takes("||") {
            groups.extend(self.all(depth)?);
            if groups.len() > GROUPS_MAX {
                return Err("it is too long".to_owned());
            }
        }
        Ok(groups)
    }

    fn all(&mut self, depth: usize) -> Result<Vec<Group>, String> {
        let mut groups = self.one(depth)?;
        while self.takes("and") || self.takes("&&") {
            groups = product(&groups, &self.one(depth)?)?;
        }
        Ok(groups)
    }

    fn one(&mut self, depth: usize) -> Result<Vec<Group>, String> {
        match self.next() {
            Some(Token::Mark('(')) => {
                let inner = self.any(depth + 1)?;
                match self.next() {
                    Some(Token::Mark(')')) => Ok(inner),
                    _ => Err("a parenthesis is open".to_owned()),
                }
            }
            Some(Token::Name(name)) => self.comparison(&name),
            _ => Err("it does not compare a question with a constant".to_owned()),
        }
    }

    fn comparison(&mut self, name: &str) -> Result<Vec<Group>, String> {
        let (known, row) = self.named(name)?;
        let Some(Token::Word(operator)) = self.next() else {
            return Err("an operator is missing".to_owned());
        };
        let operator = operator.to_lowercase();
        let values = match operator.as_str() {
            "empty" | "notempty" => Vec::new(),
            _ => self.constants()?,
        };
        let term = |operator, values| Term {
            question: known.id.clone(),
            part: row.clone(),
            operator,
            values,
            ..Term::default()
        };
        let of = |term: Term| Ok(vec![Group { all_of: vec![term] }]);
        let mapped = || values.iter().map(|value| answer(&known, value)).collect();
        match operator.as_str() {
            "empty" => of(term(Operator::NotAnswered, Vec::new())),
            "notempty" => of(term(Operator::Answered, Vec::new())),
            "=" | "==" | "equal" | "contains" | "contain" | "anyof" => {
                of(term(Operator::Is, mapped()))
            }
            "<>" | "!=" | "notequal" | "notcontains" | "notcontain" | "noneof" => {
                // In SurveyJS no answer is also "not equal".
                let absent = Group { all_of: vec![term(Operator::NotAnswered, Vec::new())] };
                Ok(vec![Group { all_of: vec![term(Operator::IsNot, mapped())] }, absent])
            }
            "allof" => of(term(Operator::IncludesAll, mapped())),
            ">=" | "greaterorequal" => of(term(Operator::AtLeast, values)),
            "<=" | "lessorequal" => of(term(Operator::AtMost, values)),
            ">" | "greater" => of(term(Operator::AtLeast, vec![neighbour(&known, &values, 1)?])),
            "<" | "less" => of(term(Operator::AtMost, vec![neighbour(&known, &values, -1)?])),
            other => Err(format!("the operator {} is not known here", shorten(other))),
        }
    }

    fn named(&self, name: &str) -> Result<(Known, String), String> {
        let questions = &self.importer.known;
        let absent = || format!("{} is no question before it", shorten(name));
        let (known, row) = match questions.get(name) {
            Some(known) => (known, None),
            None => {
                let (question, row) = name.split_once('.').ok_or_else(absent)?;
                let known = questions.get(question).ok_or_else(absent)?;
                (known, Some(known.rows.get(row).ok_or_else(absent)?.clone()))
            }
        };
        if known.kind == Kind::Matrix && row.is_none() {
            return Err(format!("{} is a matrix, whose rows are answered", shorten(name)));
        }
        Ok((known.clone(), row.unwrap_or_default()))
    }

    fn constants(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Some(Token::Text(text) | Token::Word(text)) => Ok(vec![text]),
            Some(Token::Mark('[')) => {
                let mut found = Vec::new();
                loop {
                    match self.next() {
                        Some(Token::Text(text) | Token::Word(text)) => found.push(text),
                        Some(Token::Mark(']')) if !found.is_empty() => return Ok(found),
                        Some(Token::Mark(',')) => {}
                        _ => return Err("a list is broken".to_owned()),
                    }
                }
            }
            _ => Err("it does not compare with a constant".to_owned()),
        }
    }
}

/// A constant as the answer is named here.
fn answer(known: &Known, value: &str) -> String {
    known.options.get(value).cloned().unwrap_or_else(|| value.to_owned())
}

/// The next whole number: grades have no others.
fn neighbour(known: &Known, values: &[String], step: i32) -> Result<String, String> {
    if known.scale.is_empty() && known.kind != Kind::Nps {
        return Err("\"more\" and \"less\" are only for grades here".to_owned());
    }
    let number = values.first().and_then(|value| value.parse::<i32>().ok());
    let number = number.and_then(|number| number.checked_add(step));
    number.map(|number| number.to_string()).ok_or_else(|| "a number is missing".to_owned())
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if tokens.len() >= TOKENS_MAX {
            return Err("it is too long".to_owned());
        }
        match c {
            c if c.is_whitespace() => {}
            '(' | ')' | '[' | ']' | ',' => tokens.push(Token::Mark(c)),
            '{' | '\'' | '"' => {
                let end = if c == '{' { '}' } else { c };
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some(c) if c == end => break,
                        Some(c) => inner.push(c),
                        None => return Err("a quotation is open".to_owned()),
                    }
                }
                let name = c == '{';
                tokens.push(if name { Token::Name(inner) } else { Token::Text(inner) });
            }
            '<' | '>' | '=' | '!' | '&' | '|' => {
                let mut mark = String::from(c);
                while let Some(c) = chars.next_if(|c| "<>=!&|".contains(*c)) {
                    mark.push(c);
                }
                tokens.push(Token::Word(mark));
            }
            c => {
                let mut word = String::from(c);
                let ends = |c: &char| c.is_whitespace() || "()[],{}'\"<>=!&|".contains(*c);
                while let Some(c) = chars.next_if(|c| !ends(c)) {
                    word.push(c);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}
