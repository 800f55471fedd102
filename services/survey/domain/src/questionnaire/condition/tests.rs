//! Tests of conditions: what each operator means for each kind of answer.

use super::*;
use crate::answer::{Answer, Answers};

fn term(operator: Operator, values: &[&str]) -> Term {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Term { question: "q".to_owned(), operator, values, ..Term::default() }
}

/// Whether a term on `q` holds when this was answered.
fn holds(value: &Value, operator: Operator, values: &[&str]) -> bool {
    let answers = Answers(vec![Answer::new("q", "", value.clone())]);
    let group = Group { all_of: vec![term(operator, values)] };
    let condition = Condition { any_of: vec![group] };
    condition.holds(&Lookup::of(&answers), &Attributes::new())
}

fn options(ids: &[&str]) -> Value {
    Value::Options(ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn each_operator_means_what_it_says() {
    use Operator::{
        Answered, AtLeast, AtMost, IncludesAll, Is, IsNot, NotAnswered, NotApplicable, Refused,
    };
    let grade = Value::Grade(3);
    let two = options(&["a", "b"]);
    let half = Value::Number(2.5);
    let day = Value::Date("2026-03-01".into());
    let word = Value::Text(" yes ".into());
    let declined = [Value::NotApplicable, Value::Refused, Value::None, options(&[])];
    for (value, operator, values, wanted) in [
        (&grade, Answered, &[][..], true),
        (&grade, NotAnswered, &[], false),
        (&grade, Is, &["2", "3"], true),
        (&grade, Is, &["2"], false),
        (&grade, IsNot, &["2"], true),
        (&grade, IsNot, &["2", "3"], false),
        (&grade, AtLeast, &["3"], true),
        (&grade, AtLeast, &["4"], false),
        (&grade, AtMost, &["3"], true),
        (&grade, AtMost, &["2"], false),
        (&two, Is, &["b"], true),
        (&two, Is, &["c"], false),
        (&two, IsNot, &["c"], true),
        (&two, IsNot, &["c", "a"], false),
        (&two, IncludesAll, &["a", "b"], true),
        (&two, IncludesAll, &["a", "c"], false),
        (&half, AtLeast, &["2.5"], true),
        (&half, AtMost, &["2.4"], false),
        (&half, Is, &["2.50"], true),
        (&day, AtLeast, &["2026-02-28"], true),
        (&day, AtMost, &["2026-02-28"], false),
        (&day, Is, &["2026-03-01"], true),
        (&word, Is, &["yes"], true),
        (&word, AtLeast, &["a"], false),
        (&Value::NotApplicable, NotApplicable, &[], true),
        (&Value::NotApplicable, Refused, &[], false),
        (&Value::Refused, Refused, &[], true),
        (&grade, NotApplicable, &[], false),
    ] {
        assert_eq!(holds(value, operator, values), wanted, "{value:?} {operator:?} {values:?}");
    }
    // Who said nothing that counts is neither above nor below nor different.
    for value in &declined {
        assert!(holds(value, NotAnswered, &[]), "{value:?}");
        assert!(!holds(value, Answered, &[]), "{value:?}");
        for operator in [Is, IsNot, AtLeast, AtMost, IncludesAll] {
            assert!(!holds(value, operator, &["3"]), "{value:?} {operator:?}");
        }
    }
}

#[test]
fn groups_are_joined_by_or_and_their_terms_by_and() {
    let answers = Answers(vec![
        Answer::new("q", "", Value::Grade(2)),
        Answer::new("m", "r1", Value::Grade(5)),
    ]);
    let part =
        Term { question: "m".to_owned(), part: "r1".to_owned(), ..term(Operator::AtLeast, &["5"]) };
    let low = || term(Operator::AtMost, &["2"]);
    let high = || term(Operator::AtLeast, &["4"]);
    let check = |groups: Vec<Vec<Term>>| {
        let any_of = groups.into_iter().map(|all_of| Group { all_of }).collect();
        Condition { any_of }.holds(&Lookup::of(&answers), &Attributes::new())
    };
    assert!(check(vec![vec![low(), part.clone()]]));
    assert!(!check(vec![vec![low(), high()]]));
    assert!(check(vec![vec![high()], vec![part.clone()]]));
    assert!(!check(vec![vec![high()], vec![high(), part]]));
    assert!(!check(vec![]));
}

#[test]
fn attributes_of_the_customer_are_compared_as_numbers_dates_or_words() {
    let attributes: Attributes = [("size", "12"), ("since", "2020-05-01"), ("class", "vip")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let check = |attribute: &str, operator, values: &[&str]| {
        let term =
            Term { question: String::new(), attribute: attribute.into(), ..term(operator, values) };
        let condition = Condition { any_of: vec![Group { all_of: vec![term] }] };
        condition.holds(&Lookup::default(), &attributes)
    };
    // As numbers: as words "12" would be below "9".
    assert!(check("size", Operator::AtLeast, &["9"]));
    assert!(!check("size", Operator::AtMost, &["9"]));
    assert!(check("since", Operator::AtMost, &["2021-01-01"]));
    assert!(check("class", Operator::Is, &["gold", "vip"]));
    assert!(!check("class", Operator::AtLeast, &["a"]), "words have no order");
    assert!(check("city", Operator::NotAnswered, &[]));
    assert!(!check("city", Operator::IsNot, &["x"]), "what is not known is not different");
}
