//! Which column holds what. Pure.

use std::collections::HashMap;

use csv::StringRecord;

use super::{refuse, row::RowError};
use crate::error::{Error, Result};

/// Fields that a column may be mapped to.
const FIELDS: [&str; 8] =
    ["grade", "unit", "staff", "time", "template", "business_type", "reasons", "comment"];

/// What the user said about columns and grades.
#[derive(Debug, PartialEq, Eq)]
pub struct Mapping {
    columns: Vec<(&'static str, String)>,
    words: HashMap<String, i32>,
}

/// Places of the mapped columns in this file.
#[derive(Debug, Default)]
pub struct Columns {
    places: HashMap<&'static str, usize>,
}

/// What one line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Grade.
    pub grade: i32,
    /// Unit as written; empty if none.
    pub unit: String,
    /// Staff number; empty if none.
    pub staff: String,
    /// Time as written; empty if none.
    pub time: String,
    /// Template; empty if none.
    pub template: String,
    /// Business type; empty if none.
    pub business_type: String,
    /// Reason codes.
    pub reasons: Vec<String>,
    /// Comment.
    pub comment: String,
}

impl Mapping {
    /// Reads `FIELD=COLUMN` and `WORD=GRADE` pairs. Without a fixed unit a column must say it.
    pub fn parse(map: &[String], grades: &[String], unit_is_fixed: bool) -> Result<Self> {
        let mut columns: Vec<(&'static str, String)> = Vec::new();
        for pair in map {
            let (field, column) = split(pair, "--map FIELD=COLUMN")?;
            let known = FIELDS.iter().find(|f| **f == field).ok_or_else(|| {
                Error::Usage(format!("{field} is no field; fields are {}", FIELDS.join(", ")))
            })?;
            if columns.iter().any(|(f, _)| f == known) {
                return Err(Error::Usage(format!("{field} is mapped twice")));
            }
            columns.push((known, column.to_owned()));
        }
        let has = |field| columns.iter().any(|(f, _)| *f == field);
        if !has("grade") {
            return Err(Error::Usage("say which column holds the grade: --map grade=…".into()));
        }
        if !has("unit") && !unit_is_fixed {
            let text = "say where ratings belong: --map unit=… or --unit UNIT";
            return Err(Error::Usage(text.to_owned()));
        }
        let mut words = HashMap::new();
        for pair in grades {
            let (word, grade) = split(pair, "--grades WORD=GRADE")?;
            let grade = grade
                .parse()
                .map_err(|_| Error::Usage(format!("{grade} in --grades is no whole number")))?;
            words.insert(word.to_owned(), grade);
        }
        Ok(Self { columns, words })
    }

    fn grade(&self, text: &str) -> std::result::Result<i32, RowError> {
        if let Some(grade) = self.words.get(text) {
            return Ok(*grade);
        }
        // Other systems write whole numbers as 4.0 now and then.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().map_err(|_| refuse("grade", "is no whole number and no word of --grades"))
    }
}

fn split<'a>(pair: &'a str, form: &str) -> Result<(&'a str, &'a str)> {
    match pair.split_once('=') {
        Some((left, right)) if !left.trim().is_empty() && !right.trim().is_empty() => {
            Ok((left.trim(), right.trim()))
        }
        _ => Err(Error::Usage(format!("'{pair}' is not of the form {form}"))),
    }
}

impl Columns {
    /// Finds the mapped columns among the headings of a file.
    pub fn find(mapping: &Mapping, headings: &StringRecord) -> Result<Self> {
        let mut places = HashMap::new();
        for (field, column) in &mapping.columns {
            places.insert(*field, find(column, headings)?);
        }
        Ok(Self { places })
    }

    /// Whether a column holds the time.
    pub fn has_time(&self) -> bool {
        self.places.contains_key("time")
    }

    /// What a line says; surrounding white space does not count.
    pub fn read(
        &self,
        mapping: &Mapping,
        line: &StringRecord,
    ) -> std::result::Result<Values, RowError> {
        let text = |field: &str| -> String {
            let place = self.places.get(field);
            let value = place.and_then(|place| line.get(*place)).unwrap_or_default();
            value.trim().to_owned()
        };
        let grade = text("grade");
        if grade.is_empty() {
            return Err(refuse("grade", "is missing"));
        }
        let reasons = text("reasons");
        let reasons = reasons.split([';', '|', '；']).map(str::trim).filter(|r| !r.is_empty());
        Ok(Values {
            grade: mapping.grade(&grade)?,
            unit: text("unit"),
            staff: text("staff"),
            time: text("time"),
            template: text("template"),
            business_type: text("business_type"),
            reasons: reasons.map(str::to_owned).collect(),
            comment: text("comment"),
        })
    }
}

fn find(column: &str, headings: &StringRecord) -> Result<usize> {
    let mut found = headings.iter().enumerate().filter(|(_, h)| h.trim() == column);
    match (found.next(), found.next()) {
        (Some((place, _)), None) => return Ok(place),
        (Some(_), Some(_)) => {
            let text = format!("several columns are called {column}: give its number as #N");
            return Err(Error::Usage(text));
        }
        (None, _) => {}
    }
    let number = column.strip_prefix('#').and_then(|n| n.parse::<usize>().ok());
    if let Some(place) = number.and_then(|n| n.checked_sub(1))
        && place < headings.len()
    {
        return Ok(place);
    }
    if headings.is_empty() {
        return Err(Error::Usage("the file is empty: a line of headings is wanted".to_owned()));
    }
    let all: Vec<&str> = headings.iter().collect();
    Err(Error::Usage(format!("there is no column {column}; the file has {}", all.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn columns_are_found_by_heading_or_number() {
        let mapping =
            Mapping::parse(&texts(&["grade=评分", "unit=#1", "staff= 工号 "]), &[], false);
        let mapping = mapping.unwrap();
        let headings = StringRecord::from(vec!["网点", " 工号", "评分"]);
        let columns = Columns::find(&mapping, &headings).unwrap();
        let line = StringRecord::from(vec!["城东支行", "1001 ", " 5"]);
        let values = columns.read(&mapping, &line).unwrap();
        assert_eq!((values.grade, values.unit.as_str()), (5, "城东支行"));
        assert_eq!(values.staff, "1001");
    }

    #[test]
    fn a_mapping_that_makes_no_sense_is_refused_in_words() {
        let refused = |map: &[&str], unit: bool, what: &str| {
            let error = Mapping::parse(&texts(map), &[], unit).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        refused(&["staff=s", "unit=u"], false, "grade");
        refused(&["grade=g"], false, "--unit");
        refused(&["grade=g", "grade=h"], true, "twice");
        refused(&["grades=g"], true, "no field");
        refused(&["grade"], true, "FIELD=COLUMN");
        let mapping = Mapping::parse(&texts(&["grade=g"]), &[], true).unwrap();
        let find = |headings: Vec<&str>| Columns::find(&mapping, &StringRecord::from(headings));
        assert!(find(vec!["a", "b"]).unwrap_err().to_string().contains("a, b"));
        assert!(find(vec!["g", "g"]).unwrap_err().to_string().contains("several"));
    }

    #[test]
    fn grades_may_be_words() {
        let words = texts(&["满意=4", "very good=5"]);
        let mapping = Mapping::parse(&texts(&["grade=g"]), &words, true).unwrap();
        let columns = Columns::find(&mapping, &StringRecord::from(vec!["g"])).unwrap();
        let grade =
            |text: &str| columns.read(&mapping, &StringRecord::from(vec![text])).map(|v| v.grade);
        assert_eq!(grade("满意"), Ok(4));
        assert_eq!(grade("very good"), Ok(5));
        assert_eq!(grade("3.0"), Ok(3));
        assert_eq!(grade("3.5").unwrap_err().field, "grade");
        assert!(grade("").is_err());
    }

    #[test]
    fn reasons_are_separated_by_semicolons_or_bars() {
        let mapping = Mapping::parse(&texts(&["grade=#1", "reasons=#2"]), &[], true).unwrap();
        let columns = Columns::find(&mapping, &StringRecord::from(vec!["a", "b"])).unwrap();
        let line = StringRecord::from(vec!["1", "slow; rude|；queue"]);
        assert_eq!(columns.read(&mapping, &line).unwrap().reasons, ["slow", "rude", "queue"]);
    }
}
