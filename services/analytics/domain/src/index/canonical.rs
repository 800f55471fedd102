//! The canonical form of a definition, whose SHA-256 is the definition's hash.
//!
//! It is JSON (RFC 8259) in UTF-8 without white space: objects with their keys in the order of
//! Unicode code points, lists in the order of the definition, numbers as the shortest text that
//! reads back as the same double (`1.0`, `0.25`, whole numbers of counts without a point),
//! texts escaped only where JSON demands it. Ids are hyphenated UUIDs in lower case. Titles,
//! evidence and everything else that a person can read in a definition are part of it; what is
//! computed from it (normalised weights, ratios of consistency) is not. A weighting without
//! methods of single nodes has no key `node_methods`.

use serde_json::Value;

use super::definition::Definition;

/// The canonical text of a definition.
pub fn text(definition: &Definition) -> String {
    let value = serde_json::to_value(definition).expect("a definition has text keys only");
    let mut text = String::new();
    write(&value, &mut text);
    text
}

/// Reads a stored canonical text.
///
/// # Errors
/// If it is none.
pub fn read(text: &str) -> Result<Definition, serde_json::Error> {
    serde_json::from_str(text)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(&fields[key], text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::index::definition::{
        Filter, Judgement, Leaf, Measure, Method, Node, NodeMethod, ServiceFigure, Statistic,
        Weighting,
    };

    fn node(id: &str, parent: &str, measure: Option<Measure>) -> Node {
        let leaf = measure.map(|measure| Leaf { measure, scores: vec![(1, 0.0), (5, 97.5)] });
        Node { id: id.to_owned(), parent: parent.to_owned(), title: Default::default(), leaf }
    }

    fn definition() -> Definition {
        let question = Measure::Question {
            questionnaire: Uuid::from_u128(0xab),
            item: "\u{4e00}\n".to_owned(),
            statistic: Statistic::Csd,
        };
        let figure = Measure::Figure { figure: ServiceFigure::ServiceS, worst: 600.0, best: 0.1 };
        let judgement = Judgement {
            node: "a".to_owned(),
            children: vec!["b".to_owned(), "c".to_owned()],
            ratios: vec![1.0 / 3.0],
        };
        let weighting = Weighting {
            id: "board".to_owned(),
            method: Method::Ahp,
            weights: Vec::new(),
            judgements: vec![judgement],
            evidence: "\"minutes\"".to_owned(),
            node_methods: Vec::new(),
        };
        Definition {
            title: [("zh-CN".to_owned(), "满意".to_owned()), ("en".to_owned(), "x".to_owned())]
                .into(),
            nodes: vec![
                node("a", "", None),
                node("b", "a", Some(question)),
                node("c", "a", Some(figure)),
            ],
            weightings: vec![weighting],
            class_weights: vec![(Uuid::nil(), 2.0)],
            filter: Filter::default(),
            minimum_n: 10,
            alpha_minimum: 0.75,
        }
    }

    #[test]
    fn the_form_is_the_one_that_is_documented_and_never_changes() {
        let text = text(&definition());
        assert_eq!(text, FORM.concat(), "published hashes would no longer be found");
        assert_eq!(read(&text).expect("its own form"), definition());
    }

    #[test]
    fn every_difference_of_definitions_shows() {
        let changes: [fn(&mut Definition); 8] = [
            |d| d.weightings[0].evidence.push(' '),
            |d| d.weightings[0].judgements[0].ratios[0] = 0.333_333_333_333_333_4,
            |d| d.nodes[1].leaf.as_mut().expect("a leaf").scores[1].1 = 97.500_000_000_000_01,
            |d| d.minimum_n = 11,
            |d| d.filter.include_distrusted = true,
            |d| d.class_weights[0].1 = 2.5,
            |d| d.nodes.swap(1, 2),
            |d| {
                let (node, evidence) = ("a".to_owned(), String::new());
                let own = NodeMethod { node, method: Method::Equal, evidence };
                d.weightings[0].node_methods.push(own);
            },
        ];
        for change in changes {
            let mut other = definition();
            change(&mut other);
            assert_ne!(text(&other), FORM.concat(), "{other:?}");
            assert_eq!(read(&text(&other)).expect("its own form"), other);
        }
    }

    const FORM: &[&str] = &[
        r#"{"alpha_minimum":0.75,"class_weights":[["00000000-0000-0000-0000-000000000000","#,
        r#"2.0]],"filter":{"campaigns":[],"channels":[],"include_distrusted":false},"#,
        r#""minimum_n":10,"nodes":[{"id":"a","leaf":null,"parent":"","title":{}},{"id":"b","#,
        r#""leaf":{"measure":{"question":{"item":"一\n","#,
        r#""questionnaire":"00000000-0000-0000-0000-0000000000ab","statistic":"csd"}},"#,
        r#""scores":[[1,0.0],[5,97.5]]},"parent":"a","title":{}},{"id":"c","leaf":{"#,
        r#""measure":{"figure":{"best":0.1,"figure":"service_s","worst":600.0}},"scores":[["#,
        r#"1,0.0],[5,97.5]]},"parent":"a","title":{}}],"title":{"en":"x","zh-CN":"满意"},"#,
        r#""weightings":[{"evidence":"\"minutes\"","id":"board","judgements":[{"children":["#,
        r#""b","c"],"node":"a","ratios":[0.3333333333333333]}],"method":"ahp","weights":["#,
        r#"]}]}"#,
    ];
}
