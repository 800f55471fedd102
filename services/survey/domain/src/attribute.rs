//! Attributes that an organisation defines for its customers: typed values, kept as canonical
//! text.

use std::collections::BTreeMap;

use jiff::civil::Date;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Attributes in use that an organisation may have.
pub const ATTRIBUTES_MAX: usize = 100;
/// Choices of an attribute.
pub const CHOICES_MAX: usize = 200;
/// Longest value in characters.
pub const VALUE_CHARS_MAX: usize = 500;
const CODE_CHARS_MAX: usize = 40;

/// Type of an attribute. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text = 1,
    /// Decimal number.
    Number = 2,
    /// Whole number of 64 bits.
    Integer = 3,
    /// `true` or `false`.
    Boolean = 4,
    /// Date.
    Date = 5,
    /// One of the choices.
    Choice = 6,
}

impl Type {
    /// The type with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        const ALL: [Type; 6] =
            [Type::Text, Type::Number, Type::Integer, Type::Boolean, Type::Date, Type::Choice];
        ALL.into_iter().find(|kind| *kind as i32 == number)
    }
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Code.
    pub code: String,
    /// Label by language tag.
    pub label: BTreeMap<String, String>,
}

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Id.
    pub id: Uuid,
    /// Organisation.
    pub org: Uuid,
    /// Code, unique in the organisation.
    pub code: String,
    /// Label by language tag.
    pub label: BTreeMap<String, String>,
    /// Type.
    pub kind: Type,
    /// Choices of [`Type::Choice`].
    pub choices: Vec<Choice>,
    /// Whether values are personal.
    pub personal: bool,
    /// When it was created.
    pub create_us: i64,
    /// When it was retired.
    pub retire_us: Option<i64>,
}

impl Attribute {
    /// Checks a new definition.
    ///
    /// # Errors
    /// When code or choices are not usable.
    pub fn check(&self) -> Result<()> {
        check_code("code", &self.code)?;
        let is_choice = self.kind == Type::Choice;
        if is_choice && self.choices.is_empty() {
            return Err(Error::invalid("choices", "are required"));
        }
        if !is_choice && !self.choices.is_empty() {
            return Err(Error::invalid("choices", "belong to the type of choices alone"));
        }
        if self.choices.len() > CHOICES_MAX {
            return Err(Error::invalid("choices", format!("are more than {CHOICES_MAX}")));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (index, choice) in self.choices.iter().enumerate() {
            let field = format!("choices[{index}].code");
            check_code(&field, &choice.code)?;
            if !seen.insert(&choice.code) {
                return Err(Error::invalid(field, "is there twice"));
            }
        }
        Ok(())
    }

    /// The canonical text of a value: one value has one text.
    ///
    /// # Errors
    /// What is wrong, as a sentence without the value.
    pub fn canonical(&self, text: &str) -> std::result::Result<String, String> {
        let text = text.trim();
        if text.chars().count() > VALUE_CHARS_MAX {
            return Err(format!("is longer than {VALUE_CHARS_MAX} characters"));
        }
        match self.kind {
            Type::Text => Ok(text.to_owned()),
            Type::Number => {
                let number: f64 = text.parse().map_err(|_| "is no number".to_owned())?;
                if number.is_finite() { Ok(print(number)) } else { Err("is no number".to_owned()) }
            }
            Type::Integer => {
                let number: i64 = text.parse().map_err(|_| "is no whole number".to_owned())?;
                Ok(number.to_string())
            }
            Type::Boolean => boolean(text).map(|yes| yes.to_string()),
            Type::Date => date(text).map(|date| date.to_string()),
            Type::Choice => {
                let known = self.choices.iter().any(|choice| choice.code == text);
                if known { Ok(text.to_owned()) } else { Err("is none of the choices".to_owned()) }
            }
        }
    }
}

/// A code: a small letter, then small letters, digits and `_`.
pub fn check_code(field: &str, code: &str) -> Result<()> {
    let sound = code.len() <= CODE_CHARS_MAX
        && code.starts_with(|first: char| first.is_ascii_lowercase())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if sound {
        return Ok(());
    }
    let text = "is no small letter followed by up to 39 small letters, digits and `_`";
    Err(Error::invalid(field, text))
}

/// A truth value as files spell it.
pub fn boolean(text: &str) -> std::result::Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "是" => Ok(true),
        "false" | "no" | "n" | "0" | "否" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// A date such as `2026-01-31`, also `2026/1/31` and 2026年1月31日, in the years 1 to 9999.
pub fn date(text: &str) -> std::result::Result<Date, String> {
    let wrong = || "is no date such as 2026-01-31".to_owned();
    let text = text.trim().trim_end_matches('日');
    let parts: Vec<&str> = text.split(['-', '/', '年', '月']).collect();
    let [year, month, day] = parts.as_slice() else { return Err(wrong()) };
    let digits = |part: &str, most: usize| {
        let sound = (1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        sound.then(|| part.parse::<i16>().ok()).flatten()
    };
    if year.len() != 4 {
        return Err(wrong());
    }
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return Err(wrong());
    };
    let narrow = |number: i16| i8::try_from(number).unwrap_or(0);
    if year == 0 {
        return Err(wrong());
    }
    Date::new(year, narrow(month), narrow(day)).map_err(|_| wrong())
}

/// A number without needless digits.
fn print(number: f64) -> String {
    // Negative zero is zero.
    format!("{}", number + 0.0)
}

/// Checks values by code against the definitions; an empty value takes the attribute away.
/// Answers plain and personal changes: code → canonical text, or nothing to take it away.
///
/// # Errors
/// For a code that is not defined or retired, a value that is not of its type, or one that is
/// given among the wrong ones of plain and personal values.
pub fn check_values(
    defined: &[Attribute],
    field: &str,
    personal: bool,
    values: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Option<String>>> {
    let mut checked = BTreeMap::new();
    for (code, text) in values {
        let wrong = |text: String| Error::invalid(format!("{field}[{code}]"), text);
        let attribute = defined.iter().find(|a| a.code == *code && a.retire_us.is_none());
        let Some(attribute) = attribute else {
            return Err(Error::invalid(field, "names an attribute that is not defined"));
        };
        if attribute.personal != personal {
            let place = if personal { "attributes" } else { "personalAttributes" };
            return Err(wrong(format!("belongs among {place}")));
        }
        let value = if text.trim().is_empty() {
            None
        } else {
            Some(attribute.canonical(text).map_err(wrong)?)
        };
        checked.insert(code.clone(), value);
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(kind: Type) -> Attribute {
        Attribute {
            id: Uuid::nil(),
            org: Uuid::nil(),
            code: "size".to_owned(),
            label: BTreeMap::new(),
            kind,
            choices: match kind {
                Type::Choice => {
                    vec![Choice { code: "big".to_owned(), label: BTreeMap::new() }]
                }
                _ => Vec::new(),
            },
            personal: false,
            create_us: 0,
            retire_us: None,
        }
    }

    #[test]
    fn one_value_has_one_text() {
        for (kind, text, want) in [
            (Type::Text, " a b ", "a b"),
            (Type::Number, "2.50", "2.5"),
            (Type::Number, "1e2", "100"),
            (Type::Number, "-0", "0"),
            (Type::Integer, "+007", "7"),
            (Type::Boolean, "是", "true"),
            (Type::Boolean, "No", "false"),
            (Type::Date, "2026/1/31", "2026-01-31"),
            (Type::Date, "2026年1月31日", "2026-01-31"),
            (Type::Choice, "big", "big"),
        ] {
            assert_eq!(attribute(kind).canonical(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn values_of_another_type_are_refused() {
        for (kind, text) in [
            (Type::Number, "NaN"),
            (Type::Number, "inf"),
            (Type::Number, "1,5"),
            (Type::Integer, "1.5"),
            (Type::Integer, "9223372036854775808"),
            (Type::Boolean, "maybe"),
            (Type::Date, "2026-02-30"),
            (Type::Date, "26-02-03"),
            (Type::Date, "0000-01-01"),
            (Type::Choice, "small"),
            (Type::Text, &"x".repeat(501)),
        ] {
            assert!(attribute(kind).canonical(text).is_err(), "{text}");
        }
    }

    #[test]
    fn definitions_need_a_code_and_choices() {
        assert!(attribute(Type::Text).check().is_ok());
        for code in ["", "1a", "A", "a-b", "ä", &"a".repeat(41)] {
            let bad = Attribute { code: code.to_owned(), ..attribute(Type::Text) };
            assert!(bad.check().is_err(), "{code}");
        }
        let none = Attribute { choices: Vec::new(), ..attribute(Type::Choice) };
        assert!(none.check().is_err());
        let mut twice = attribute(Type::Choice);
        twice.choices.push(twice.choices[0].clone());
        assert!(twice.check().is_err());
    }

    #[test]
    fn values_are_checked_against_their_definitions() {
        let defined = [attribute(Type::Integer)];
        let of = |code: &str, text: &str| BTreeMap::from([(code.to_owned(), text.to_owned())]);
        let good = check_values(&defined, "attributes", false, &of("size", "07")).unwrap();
        assert_eq!(good["size"].as_deref(), Some("7"));
        let away = check_values(&defined, "attributes", false, &of("size", "")).unwrap();
        assert_eq!(away["size"], None);
        assert!(check_values(&defined, "attributes", false, &of("other", "1")).is_err());
        assert!(check_values(&defined, "personalAttributes", true, &of("size", "1")).is_err());
    }

    proptest! {
        #[test]
        fn canonical_texts_are_fixed_points(kind in 1..=5_i32, text in "[0-9a-z ./-]{0,12}") {
            let attribute = attribute(Type::from_number(kind).unwrap());
            if let Ok(once) = attribute.canonical(&text) {
                prop_assert_eq!(attribute.canonical(&once), Ok(once.clone()));
            }
        }
    }
}
