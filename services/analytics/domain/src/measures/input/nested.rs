//! Reads what is nested by name or in lists: trees, tables by name, lists of texts and flags.

use serde_json::Value;

use super::{Input, number, numbers_of, object, short};
use crate::measures::reason::{Invalid, Result};

/// Numbers by name.
pub type Table<'a> = Vec<(&'a str, f64)>;
/// Answers by name.
pub type Row<'a> = Vec<(&'a str, Option<f64>)>;

impl<'a> Input<'a> {
    /// True if the field is given and not null.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Required numbers by name without nulls.
    pub fn named_numbers(&self, key: &str) -> Result<Vec<(&'a str, f64)>> {
        self.entries(key)?
            .map(|(name, value)| Ok((name, number(value, || self.inner(key, name))?)))
            .collect()
    }

    /// Objects by name with no fields but `known`; none when absent.
    pub fn named_objects(&self, key: &str, known: &[&str]) -> Result<Vec<(&'a str, Input<'a>)>> {
        if !self.has(key) {
            return Ok(Vec::new());
        }
        self.entries(key)?
            .map(|(name, value)| Ok((name, object(value, self.inner(key, name), known)?)))
            .collect()
    }

    /// Required objects of numbers by name.
    pub fn named_tables(&self, key: &str) -> Result<Vec<(&'a str, Table<'a>)>> {
        self.entries(key)?
            .map(|(name, value)| {
                let path = || self.inner(key, name);
                let Value::Object(fields) = value else {
                    return Err(Invalid::new(path(), "must be an object of numbers"));
                };
                let fields = fields.iter().map(|(field, value)| {
                    let path = || format!("{}.{}", path(), short(field));
                    Ok((field.as_str(), number(value, path)?))
                });
                Ok((name, fields.collect::<Result<Vec<_>>>()?))
            })
            .collect()
    }

    /// Required lists of texts by name.
    pub fn named_texts(&self, key: &str) -> Result<Vec<(&'a str, Vec<&'a str>)>> {
        self.entries(key)?
            .map(|(name, value)| Ok((name, texts_of(value, || self.inner(key, name))?)))
            .collect()
    }

    /// Required rows of numbers by name, where null or an absent name means missing.
    pub fn responses(&self, key: &str) -> Result<Vec<Row<'a>>> {
        let rows = self.array(key)?.iter().enumerate();
        rows.map(|(i, row)| {
            let path = || format!("{}[{i}]", self.path(key));
            let Value::Object(fields) = row else {
                return Err(Invalid::new(path(), "must be an object"));
            };
            let answers = fields.iter().map(|(name, value)| match value {
                Value::Null => Ok((name.as_str(), None)),
                value => {
                    let path = || format!("{}.{}", path(), short(name));
                    Ok((name.as_str(), Some(number(value, path)?)))
                }
            });
            answers.collect()
        })
        .collect()
    }

    /// Objects with no fields but `known`; none when absent.
    pub fn optional_objects(&self, key: &str, known: &[&str]) -> Result<Vec<Input<'a>>> {
        if !self.has(key) { Ok(Vec::new()) } else { self.objects(key, known) }
    }

    /// Required tables of numbers without nulls.
    pub fn matrices(&self, key: &str) -> Result<Vec<Vec<Vec<f64>>>> {
        let tables = self.array(key)?.iter().enumerate();
        tables
            .map(|(i, table)| {
                let path = || format!("{}[{i}]", self.path(key));
                let Value::Array(rows) = table else {
                    return Err(Invalid::new(path(), "must be an array"));
                };
                let rows = rows.iter().enumerate();
                rows.map(|(r, row)| match row {
                    Value::Array(row) => numbers_of(row, || format!("{}[{r}]", path())),
                    _ => Err(Invalid::new(format!("{}[{r}]", path()), "must be an array")),
                })
                .collect()
            })
            .collect()
    }

    /// Required lists of texts.
    pub fn text_rows(&self, key: &str) -> Result<Vec<Vec<&'a str>>> {
        let rows = self.array(key)?.iter().enumerate();
        rows.map(|(i, row)| texts_of(row, || format!("{}[{i}]", self.path(key)))).collect()
    }

    /// Texts; none when absent.
    pub fn optional_texts(&self, key: &str) -> Result<Vec<&'a str>> {
        if !self.has(key) { Ok(Vec::new()) } else { self.texts(key) }
    }

    /// Required values that are true, false, 1 or 0, where null means missing.
    pub fn flags(&self, key: &str) -> Result<Vec<Option<bool>>> {
        let values = self.array(key)?.iter().enumerate();
        values
            .map(|(i, value)| match (value, value.as_f64()) {
                (Value::Null, _) => Ok(None),
                (Value::Bool(flag), _) => Ok(Some(*flag)),
                (_, Some(v)) if v == 0.0 || v == 1.0 => Ok(Some(v == 1.0)),
                _ => Err(self.invalid(&format!("{key}[{i}]"), "must be true, false, 1 or 0")),
            })
            .collect()
    }

    fn entries(&self, key: &str) -> Result<impl Iterator<Item = (&'a str, &'a Value)>> {
        match self.required(key, self.get(key))? {
            Value::Object(fields) => Ok(fields.iter().map(|(name, value)| (name.as_str(), value))),
            _ => Err(self.invalid(key, "must be an object")),
        }
    }

    fn inner(&self, key: &str, name: &str) -> String {
        format!("{}.{}", self.path(key), short(name))
    }
}

fn texts_of(value: &Value, path: impl Fn() -> String) -> Result<Vec<&str>> {
    let Value::Array(values) = value else {
        return Err(Invalid::new(path(), "must be an array"));
    };
    let values = values.iter().enumerate();
    values
        .map(|(i, value)| {
            let problem = || Invalid::new(format!("{}[{i}]", path()), "must be a text");
            value.as_str().ok_or_else(problem)
        })
        .collect()
}
