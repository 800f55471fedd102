//! Path templates of `google.api.http`, such as `/v1/{unit.name=units/*}:move`.

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What the path consists of.
    pub segments: Vec<Segment>,
    /// Custom verb after the last colon; empty for none.
    pub verb: String,
    /// Fields that parts of the path fill.
    pub variables: Vec<Variable>,
}

/// One part between slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this.
    Literal(String),
    /// Anything, `*`.
    One,
    /// Anything to the end, `**`.
    Rest,
}

/// A field filled from segments `from..to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Field path, such as `unit.name`.
    pub field: Vec<String>,
    /// First segment.
    pub from: usize,
    /// After the last segment.
    pub to: usize,
}

/// Parses a template.
///
/// # Errors
/// A sentence for the developer of the contract.
pub fn parse(text: &str) -> Result<Template, String> {
    let wrong = |what: &str| format!("template `{text}`: {what}");
    let rest = text.strip_prefix('/').ok_or_else(|| wrong("does not begin with a slash"))?;
    // A colon inside of braces does not exist in this grammar.
    let (rest, verb) = match rest.rsplit_once(':') {
        Some((path, verb)) if !verb.contains(['/', '}']) => (path, verb),
        _ => (rest, ""),
    };
    let mut template =
        Template { segments: Vec::new(), verb: verb.to_owned(), variables: Vec::new() };
    let mut left = rest;
    while !left.is_empty() {
        let after;
        if let Some(inner) = left.strip_prefix('{') {
            let (variable, tail) = inner.split_once('}').ok_or_else(|| wrong("open brace"))?;
            push_variable(&mut template, variable);
            after = tail;
        } else {
            let end = left.find('/').unwrap_or(left.len());
            template.segments.push(segment(&left[..end]));
            after = &left[end..];
        }
        left = match after.strip_prefix('/') {
            Some("") => return Err(wrong("ends with a slash")),
            Some(next) => next,
            None if after.is_empty() => after,
            None => return Err(wrong("text after a brace")),
        };
    }
    check(&template).map_err(wrong)?;
    Ok(template)
}

fn push_variable(template: &mut Template, text: &str) {
    let (field, pattern) = text.split_once('=').unwrap_or((text, "*"));
    let from = template.segments.len();
    template.segments.extend(pattern.split('/').map(segment));
    template.variables.push(Variable {
        field: field.split('.').map(str::to_owned).collect(),
        from,
        to: template.segments.len(),
    });
}

fn segment(text: &str) -> Segment {
    match text {
        "*" => Segment::One,
        "**" => Segment::Rest,
        literal => Segment::Literal(literal.to_owned()),
    }
}

fn check(template: &Template) -> Result<(), &'static str> {
    let rest = template.segments.iter().position(|s| *s == Segment::Rest);
    if rest.is_some_and(|at| at + 1 != template.segments.len()) {
        return Err("`**` is not at the end");
    }
    let empty = |s: &Segment| matches!(s, Segment::Literal(text) if text.is_empty());
    if template.segments.is_empty() || template.segments.iter().any(empty) {
        return Err("empty segment");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn templates_of_every_form_are_read() {
        let plain = parse("/.well-known/jwks.json").unwrap();
        assert_eq!(plain.segments, [literal(".well-known"), literal("jwks.json")]);
        assert!(plain.variables.is_empty() && plain.verb.is_empty());

        let nested = parse("/v1/{unit.name=units/*}:move").unwrap();
        assert_eq!(nested.segments, [literal("v1"), literal("units"), Segment::One]);
        assert_eq!(nested.verb, "move");
        let field = vec!["unit".to_owned(), "name".to_owned()];
        assert_eq!(nested.variables, [Variable { field, from: 1, to: 3 }]);

        let middle = parse("/v1/{name=devices/*}/assignments").unwrap();
        assert_eq!(middle.segments.len(), 4);
        assert_eq!(middle.variables[0].to, 3);

        let rest = parse("/v1/{path=files/**}").unwrap();
        assert_eq!(rest.segments[2], Segment::Rest);
        assert_eq!(parse("/v1/{id}").unwrap().segments[1], Segment::One);
        assert_eq!(parse("/v1/token:revoke").unwrap().verb, "revoke");
    }

    #[test]
    fn unusable_templates_are_refused() {
        for bad in ["v1", "/", "/v1/", "/v1//x", "/v1/{a", "/v1/{a}b", "/**/x", "/{a=**}/b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
