//! Reads the input of a method from plain JSON values and names the field that is wrong.

mod nested;

use serde_json::{Map, Value};

use super::reason::{Invalid, Result};
use super::resample::{RESAMPLES_MAX, Resampling};

/// Largest absolute value of a number, so that fourth powers stay within a double.
pub const NUMBER_MAX: f64 = 1e50;
/// Largest count.
pub const COUNT_MAX: u64 = 1_000_000_000_000;

/// An object of the input together with its path. A field that is null counts as absent.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    fields: &'a Map<String, Value>,
    path: String,
}

impl<'a> Input<'a> {
    /// The whole input of a method; it must be an object with no fields but `known`, so that a
    /// misspelt option is not silently left out.
    pub fn new(value: &'a Value, known: &[&str]) -> Result<Input<'a>> {
        let Value::Object(fields) = value else {
            return Err(Invalid::new("input", "must be an object"));
        };
        if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(Invalid::new(short(name), format!("is unknown; the fields are {known}")));
        }
        Ok(Input { fields, path: String::new() })
    }

    /// Path of a field for error texts.
    pub fn path(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// An error about a field of this object.
    pub fn invalid(&self, key: &str, problem: impl Into<String>) -> Invalid {
        Invalid::new(self.path(key), problem)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.invalid(key, "is required"))
    }

    /// A number, if given.
    pub fn optional_number(&self, key: &str) -> Result<Option<f64>> {
        self.get(key).map(|value| number(value, || self.path(key))).transpose()
    }

    /// A required number.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.required(key, self.optional_number(key)?)
    }

    /// A whole number, if given.
    pub fn optional_integer(&self, key: &str) -> Result<Option<i64>> {
        match self.optional_number(key)? {
            None => Ok(None),
            // Within ±COUNT_MAX every integer is exact as a double.
            Some(v) if v.fract() == 0.0 && v.abs() <= COUNT_MAX as f64 => Ok(Some(v as i64)),
            Some(_) => Err(self.invalid(key, "must be a whole number of at most 1e12")),
        }
    }

    /// A required whole number.
    pub fn integer(&self, key: &str) -> Result<i64> {
        self.required(key, self.optional_integer(key)?)
    }

    /// A whole number from 0 to [`COUNT_MAX`], if given.
    pub fn optional_count(&self, key: &str) -> Result<Option<u64>> {
        self.get(key).map(|value| count(value, || self.path(key))).transpose()
    }

    /// A required count.
    pub fn count(&self, key: &str) -> Result<u64> {
        self.required(key, self.optional_count(key)?)
    }

    /// `conf_level`, strictly between 0 and 1; 0.95 when absent.
    pub fn confidence(&self) -> Result<f64> {
        match self.optional_number("conf_level")? {
            None => Ok(0.95),
            Some(v) if v > 0.0 && v < 1.0 => Ok(v),
            Some(_) => Err(self.invalid("conf_level", "must lie between 0 and 1, both excluded")),
        }
    }

    /// `n_resamples` and `seed`: how to bootstrap; `None` when no resamples are asked for.
    pub fn resampling(&self) -> Result<Option<Resampling>> {
        // Read even when unused, so that a malformed option is always refused.
        let (seed, confidence) = (self.optional_count("seed")?.unwrap_or(0), self.confidence()?);
        let Some(count) = self.optional_count("n_resamples")? else { return Ok(None) };
        if count == 0 || count > RESAMPLES_MAX as u64 {
            let problem = format!("must be a whole number from 1 to {RESAMPLES_MAX}");
            return Err(self.invalid("n_resamples", problem));
        }
        Ok(Some(Resampling { count: count as usize, seed, confidence }))
    }

    /// True or false; `default` when absent.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.invalid(key, "must be true or false")),
        }
    }

    /// A text, if given.
    pub fn optional_text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(key, "must be a text")),
        }
    }

    /// A required text.
    pub fn text(&self, key: &str) -> Result<&'a str> {
        self.required(key, self.optional_text(key)?)
    }

    /// One of named options; without `default` the field is required.
    pub fn choice<T: Copy>(
        &self,
        key: &str,
        options: &[(&str, T)],
        default: Option<T>,
    ) -> Result<T> {
        let Some(text) = self.optional_text(key)? else {
            return self.required(key, default);
        };
        options.iter().find(|(name, _)| *name == text).map(|(_, option)| *option).ok_or_else(|| {
            let names: Vec<_> = options.iter().map(|(name, _)| *name).collect();
            self.invalid(key, format!("must be one of {}", names.join(", ")))
        })
    }

    fn optional_array(&self, key: &str) -> Result<Option<&'a [Value]>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(values)) => Ok(Some(values)),
            Some(_) => Err(self.invalid(key, "must be an array")),
        }
    }

    fn array(&self, key: &str) -> Result<&'a [Value]> {
        self.required(key, self.optional_array(key)?)
    }

    /// Numbers where null means missing, if given.
    pub fn optional_values(&self, key: &str) -> Result<Option<Vec<Option<f64>>>> {
        let path = || self.path(key);
        self.optional_array(key)?.map(|values| values_of(values, path)).transpose()
    }

    /// Required numbers where null means missing.
    pub fn values(&self, key: &str) -> Result<Vec<Option<f64>>> {
        self.required(key, self.optional_values(key)?)
    }

    /// Numbers without nulls, if given.
    pub fn optional_numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        let path = || self.path(key);
        self.optional_array(key)?.map(|values| numbers_of(values, path)).transpose()
    }

    /// Required numbers without nulls.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>> {
        self.required(key, self.optional_numbers(key)?)
    }

    /// Required counts.
    pub fn counts(&self, key: &str) -> Result<Vec<u64>> {
        counts_of(self.array(key)?, || self.path(key))
    }

    /// Required rows of numbers where null means missing; rows may differ in length.
    pub fn groups(&self, key: &str) -> Result<Vec<Vec<Option<f64>>>> {
        self.nested(key, |row, path| values_of(row, path))
    }

    /// Required rows of numbers where null means missing, all of one length.
    pub fn rows(&self, key: &str) -> Result<Vec<Vec<Option<f64>>>> {
        self.rectangular(key, self.groups(key)?)
    }

    /// Required rows of numbers without nulls, all of one length.
    pub fn matrix(&self, key: &str) -> Result<Vec<Vec<f64>>> {
        self.rectangular(key, self.nested(key, |row, path| numbers_of(row, path))?)
    }

    /// Lists of counts, which may differ in length, if given.
    pub fn optional_count_lists(&self, key: &str) -> Result<Option<Vec<Vec<u64>>>> {
        let lists = || self.nested(key, |row, path| counts_of(row, path));
        self.get(key).map(|_| lists()).transpose()
    }

    fn nested<T>(
        &self,
        key: &str,
        read: impl Fn(&[Value], &dyn Fn() -> String) -> Result<Vec<T>>,
    ) -> Result<Vec<Vec<T>>> {
        let rows = self.array(key)?.iter().enumerate();
        rows.map(|(i, row)| {
            let path = || format!("{}[{i}]", self.path(key));
            let Value::Array(row) = row else {
                return Err(Invalid::new(path(), "must be an array"));
            };
            read(row, &path)
        })
        .collect()
    }

    fn rectangular<T>(&self, key: &str, rows: Vec<Vec<T>>) -> Result<Vec<Vec<T>>> {
        let width = rows.first().map_or(0, Vec::len);
        match rows.iter().position(|row| row.len() != width) {
            None => Ok(rows),
            Some(i) => {
                let problem = format!("must have {width} entries as the first row has");
                Err(self.invalid(&format!("{key}[{i}]"), problem))
            }
        }
    }

    /// Required lists of numbers by name, all of one length, where null means missing.
    pub fn columns(&self, key: &str) -> Result<Vec<(String, Vec<Option<f64>>)>> {
        let fields = match self.required(key, self.get(key))? {
            Value::Object(fields) => fields,
            _ => return Err(self.invalid(key, "must be an object of arrays")),
        };
        let mut columns: Vec<(String, Vec<Option<f64>>)> = Vec::with_capacity(fields.len());
        for (name, values) in fields {
            let path = || format!("{}.{}", self.path(key), short(name));
            let Value::Array(values) = values else {
                return Err(Invalid::new(path(), "must be an array"));
            };
            let length = columns.first().map_or(values.len(), |(_, first)| first.len());
            if values.len() != length {
                return Err(Invalid::new(path(), format!("must have {length} entries")));
            }
            columns.push((name.clone(), values_of(values, path)?));
        }
        Ok(columns)
    }

    /// Required texts.
    pub fn texts(&self, key: &str) -> Result<Vec<&'a str>> {
        let texts = self.array(key)?.iter().enumerate();
        texts
            .map(|(i, value)| {
                let problem = || Invalid::new(format!("{}[{i}]", self.path(key)), "must be a text");
                value.as_str().ok_or_else(problem)
            })
            .collect()
    }

    /// An object with no fields but `known`, if given.
    pub fn optional_object(&self, key: &str, known: &[&str]) -> Result<Option<Input<'a>>> {
        self.get(key).map(|value| object(value, self.path(key), known)).transpose()
    }

    /// A required object with no fields but `known`.
    pub fn object(&self, key: &str, known: &[&str]) -> Result<Input<'a>> {
        self.required(key, self.optional_object(key, known)?)
    }

    /// Required objects with no fields but `known`.
    pub fn objects(&self, key: &str, known: &[&str]) -> Result<Vec<Input<'a>>> {
        let values = self.array(key)?.iter().enumerate();
        values.map(|(i, v)| object(v, format!("{}[{i}]", self.path(key)), known)).collect()
    }
}

/// A name from the input, cut so that an error stays readable.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}

fn object<'a>(value: &'a Value, path: String, known: &[&str]) -> Result<Input<'a>> {
    let inner = Input::new(value, known).map_err(|error| match value {
        Value::Object(_) => Invalid::new(format!("{path}.{}", error.field), error.problem),
        _ => Invalid::new(path.as_str(), error.problem),
    })?;
    Ok(Input { path: format!("{path}."), ..inner })
}

fn number(value: &Value, path: impl Fn() -> String) -> Result<f64> {
    match value.as_f64() {
        Some(v) if v.abs() <= NUMBER_MAX => Ok(v),
        Some(_) => Err(Invalid::new(path(), "must be a finite number of at most 1e50")),
        None => Err(Invalid::new(path(), "must be a number")),
    }
}

fn count(value: &Value, path: impl Fn() -> String) -> Result<u64> {
    let v = number(value, &path)?;
    if v.fract() != 0.0 || v < 0.0 || v > COUNT_MAX as f64 {
        return Err(Invalid::new(path(), "must be a whole number from 0 to 1e12"));
    }
    Ok(v as u64)
}

fn values_of(values: &[Value], path: impl Fn() -> String) -> Result<Vec<Option<f64>>> {
    let indexed = values.iter().enumerate();
    indexed
        .map(|(i, value)| match value {
            Value::Null => Ok(None),
            value => number(value, || format!("{}[{i}]", path())).map(Some),
        })
        .collect()
}

fn numbers_of(values: &[Value], path: impl Fn() -> String) -> Result<Vec<f64>> {
    values.iter().enumerate().map(|(i, v)| number(v, || format!("{}[{i}]", path()))).collect()
}

fn counts_of(values: &[Value], path: impl Fn() -> String) -> Result<Vec<u64>> {
    values.iter().enumerate().map(|(i, v)| count(v, || format!("{}[{i}]", path()))).collect()
}
