//! Answers read from their stored form without copying their words: for those who look at very
//! many and keep none.

use std::borrow::Cow;

use serde::Deserialize;

/// A word or text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
pub struct Word<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// As [`super::Value`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoredValue<'a> {
    /// Nothing.
    #[default]
    None,
    /// A grade.
    Grade(i32),
    /// Chosen options.
    #[serde(borrow)]
    Options(Vec<Word<'a>>),
    /// A number.
    Number(f64),
    /// A date.
    #[serde(borrow)]
    Date(Word<'a>),
    /// A text.
    #[serde(borrow)]
    Text(Word<'a>),
    /// Does not apply.
    NotApplicable,
    /// Prefers not to say.
    Refused,
}

/// As [`super::Answer`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct StoredAnswer<'a> {
    /// Id of the question.
    #[serde(borrow)]
    pub question: Cow<'a, str>,
    /// Part, or empty.
    #[serde(borrow)]
    pub part: Cow<'a, str>,
    /// The answer.
    #[serde(borrow)]
    pub value: StoredValue<'a>,
    /// What was specified for chosen options, by option.
    #[serde(borrow)]
    pub specified: std::collections::BTreeMap<Word<'a>, Word<'a>>,
    /// Reasons that go with the grade.
    #[serde(borrow)]
    pub reasons: Vec<Word<'a>>,
    /// Remark.
    #[serde(borrow)]
    pub comment: Cow<'a, str>,
}

/// Reads answers from the JSON of [`super::Answers`].
///
/// # Errors
/// When it is none.
pub fn stored(json: &str) -> serde_json::Result<Vec<StoredAnswer<'_>>> {
    serde_json::from_str(json)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::answer::{Answer, Answers, Value};

    fn owned(word: &Word<'_>) -> String {
        word.0.clone().into_owned()
    }

    fn answer(stored: &StoredAnswer<'_>) -> Answer {
        let value = match &stored.value {
            StoredValue::None => Value::None,
            StoredValue::Grade(grade) => Value::Grade(*grade),
            StoredValue::Options(ids) => Value::Options(ids.iter().map(owned).collect()),
            StoredValue::Number(number) => Value::Number(*number),
            StoredValue::Date(date) => Value::Date(owned(date)),
            StoredValue::Text(text) => Value::Text(owned(text)),
            StoredValue::NotApplicable => Value::NotApplicable,
            StoredValue::Refused => Value::Refused,
        };
        let specified = stored.specified.iter().map(|(id, text)| (owned(id), owned(text)));
        Answer {
            question: stored.question.clone().into_owned(),
            part: stored.part.clone().into_owned(),
            value,
            specified: specified.collect(),
            reasons: stored.reasons.iter().map(owned).collect(),
            comment: stored.comment.clone().into_owned(),
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), "[a-z]{1,8}", any::<String>()]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::None),
            any::<i32>().prop_map(Value::Grade),
            prop::collection::vec(any_text(), 0..4).prop_map(Value::Options),
            (-1e12..1e12f64).prop_map(Value::Number),
            any_text().prop_map(Value::Date),
            any_text().prop_map(Value::Text),
            Just(Value::NotApplicable),
            Just(Value::Refused),
        ]
    }

    prop_compose! {
        fn any_answer()(
            (question, part) in (any_text(), any_text()),
            value in any_value(),
            specified in prop::collection::btree_map(any_text(), any_text(), 0..3),
            reasons in prop::collection::vec(any_text(), 0..3),
            comment in any_text(),
        ) -> Answer {
            let specified: BTreeMap<String, String> = specified;
            Answer { question, part, value, specified, reasons, comment }
        }
    }

    #[test]
    fn plain_words_are_not_copied() {
        let json = r#"[{"question":"q1","value":{"options":["a","b\""]},"reasons":["slow"]}]"#;
        let read = stored(json).unwrap();
        let is_lent = |word: &Cow<'_, str>| matches!(word, Cow::Borrowed(_));
        assert!(is_lent(&read[0].question) && is_lent(&read[0].reasons[0].0));
        let StoredValue::Options(ids) = &read[0].value else { panic!("{read:?}") };
        assert!(is_lent(&ids[0].0) && !is_lent(&ids[1].0));
        assert!(stored("{}").is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_without_copying_is_what_was_stored(
            answers in prop::collection::vec(any_answer(), 0..6),
        ) {
            let answers = Answers(answers);
            let json = serde_json::to_string(&answers).unwrap();
            let read = stored(&json).unwrap();
            prop_assert_eq!(Answers(read.iter().map(answer).collect()), answers);
        }
    }
}
