//! What must hold, by example and at random.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn attributes() -> Vec<Attribute> {
    let attribute = |code: &str, kind, personal, retired: bool| Attribute {
        id: Uuid::nil(),
        org: Uuid::nil(),
        code: code.to_owned(),
        label: BTreeMap::new(),
        kind,
        choices: Vec::new(),
        personal,
        create_us: 0,
        retire_us: retired.then_some(1),
    };
    vec![
        attribute("city", Type::Text, false, false),
        attribute("size", Type::Integer, false, false),
        attribute("vip", Type::Boolean, false, false),
        attribute("joined", Type::Date, false, false),
        attribute("secret", Type::Text, true, false),
        attribute("old", Type::Text, false, true),
    ]
}

struct Someone(BTreeMap<&'static str, &'static str>);

impl Subject for Someone {
    fn field(&self, field: Field) -> Option<Value> {
        match field {
            Field::Class => Some(Value::Text("external".to_owned())),
            Field::PurchaseCount => Some(Value::Number(3.0)),
            Field::Since => Some(Value::Date(jiff::civil::date(2020, 5, 1))),
            Field::ConsentSurvey => Some(Value::Truth(true)),
            _ => None,
        }
    }

    fn attribute(&self, code: &str) -> Option<&str> {
        self.0.get(code).copied()
    }
}

fn someone() -> Someone {
    Someone([("city", "O'Hare 北京"), ("size", "12"), ("vip", "true")].into())
}

fn read(text: &str) -> Filter {
    Filter::parse(text, &attributes()).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn fault(text: &str) -> Fault {
    Filter::parse(text, &attributes()).expect_err(text)
}

#[test]
fn tests_mean_what_they_say() {
    for (text, want) in [
        ("class = 'external'", true),
        ("class in ('internal', 'external')", true),
        ("class != 'external'", false),
        ("purchase_count >= 3 and purchase_count < 3.5", true),
        ("purchase_count > 3", false),
        ("since < 2020-05-02 and since >= 2020-05-01", true),
        ("consent_survey = true", true),
        ("attr.city contains '北京'", true),
        ("attr.city = 'O''Hare 北京'", true),
        ("attr.city = \"O'Hare 北京\"", true),
        ("attr.size > 9", true),
        ("attr.vip = true", true),
        ("attr.joined < 2030-01-01", false),
        ("attr.joined is empty", true),
        ("attr.city is not empty", true),
        ("language = 'en'", false),
        ("not language = 'en'", true),
        ("language != 'en'", false),
        ("CLASS = 'external' AND NOT (importance > 1)", true),
        ("class = 'x' or class = 'external' and purchase_count = 3", true),
        ("(class = 'external' or class = 'x') and purchase_count = 4", false),
    ] {
        assert_eq!(read(text).matches(&someone()), want, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    for (text, at) in [
        ("", 1),
        ("class", 6),
        ("class =", 8),
        ("class = external", 9),
        ("class = 3", 9),
        ("purchase_count = '3'", 18),
        ("class < 'a'", 7),
        ("consent_survey > true", 16),
        ("importance contains 1", 12),
        ("nothing = 1", 1),
        ("attr.none = 'a'", 1),
        ("attr.secret = 'a'", 1),
        ("attr.old = 'a'", 1),
        ("class = 'a", 9),
        ("class = 'a' class = 'b'", 13),
        ("(class = 'a'", 13),
        ("class = 'a')", 12),
        ("class in ()", 11),
        ("class in ('a'", 14),
        ("class is full", 10),
        ("since = 2026-02-30", 9),
        ("since = 2026-02-03x", 9),
        ("importance = 1e5", 14),
        ("importance = 1; drop table customer", 15),
        ("class = 'a' && class = 'b'", 13),
        ("北京 = 'a'", 1),
    ] {
        assert_eq!(fault(text).at, at, "{text}: {}", fault(text));
    }
}

#[test]
fn depth_length_and_number_of_tests_are_limited() {
    let deep = |levels: usize| format!("{}class = 'a'{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Filter::parse(&deep(DEPTH_MAX - 1), &[]).is_ok());
    assert!(Filter::parse(&deep(DEPTH_MAX), &[]).unwrap_err().text.contains("deeper"));
    assert!(Filter::parse(&deep(1_000), &[]).unwrap_err().text.contains("deeper"));
    let nots = format!("{}class = 'a'", "not ".repeat(900));
    assert!(Filter::parse(&nots, &[]).unwrap_err().text.contains("deeper"));
    let many = |tests: usize| vec!["class = 'a'"; tests].join(" or ");
    assert!(Filter::parse(&many(TESTS_MAX), &[]).is_ok());
    assert!(Filter::parse(&many(TESTS_MAX + 1), &[]).unwrap_err().text.contains("tests"));
    let long = format!("class = '{}'", "a".repeat(1 << 20));
    assert!(Filter::parse(&long, &[]).unwrap_err().text.contains("longer"));
}

fn filters() -> impl Strategy<Value = Node> {
    let text = any::<String>().prop_map(Value::Text);
    let leaf = prop_oneof![
        text.prop_map(|value| {
            Node::Compare(Operand::Field(Field::Class), Comparison::Equal, value)
        }),
        (-1e9_f64..1e9).prop_map(|number| Node::Compare(
            Operand::Field(Field::Importance),
            Comparison::LessOrEqual,
            Value::Number(number)
        )),
        (1..=9999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| Node::In(
            Operand::Attribute("joined".to_owned(), Kind::Date),
            vec![Value::Date(jiff::civil::date(y, m, d))]
        )),
        any::<bool>().prop_map(|truth| Node::Compare(
            Operand::Attribute("vip".to_owned(), Kind::Truth),
            Comparison::NotEqual,
            Value::Truth(truth)
        )),
        Just(Node::Empty(Operand::Field(Field::Language))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::And),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn a_canonical_filter_is_read_as_the_same_filter(root in filters()) {
        let filter = Filter { root };
        let text = filter.canonical();
        prop_assume!(text.chars().count() <= CHARS_MAX);
        let again = Filter::parse(&text, &attributes());
        prop_assert_eq!(again, Ok(filter), "{}", text);
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        let _ = Filter::parse(&text, &attributes());
    }

    #[test]
    fn no_heap_of_words_makes_reading_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "class", "attr.city", "=", "in", "(", ")", ",", "'a'", "not", "and", "or", "is",
                "empty", "1", "-", "2026-01-31", "true", "contains", "importance", "<",
            ]),
            0..30,
        ),
    ) {
        let _ = Filter::parse(&words.join(" "), &attributes());
    }
}
