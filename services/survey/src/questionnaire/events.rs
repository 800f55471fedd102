//! What other services learn of questionnaires.

use prost::Message as _;
use proto::{
    names,
    survey::v1::{self, event::Change},
};
use survey_domain::{
    answer::{Countable, CountedValue},
    questionnaire::{
        Texts,
        item::{Item, items},
        record::Published,
    },
};
use uuid::Uuid;

/// That a version was published, as one group for the outbox.
pub fn published(org: Uuid, version: &Published) -> Vec<u8> {
    let change = Change::Version(version_items(version));
    let organisation = names::print("organisations", org);
    v1::Events { items: vec![v1::Event { organisation, change: Some(change) }] }.encode_to_vec()
}

/// The countable items of a version.
pub fn version_items(version: &Published) -> v1::VersionItems {
    v1::VersionItems {
        questionnaire: names::print("questionnaires", version.questionnaire),
        version: version.version,
        title: version.definition.title.clone(),
        items: items(&version.definition).into_iter().map(item).collect(),
        hash: version.hash.clone(),
    }
}

fn item(item: Item) -> v1::Item {
    let (grade_min, grade_max) = item.grades.unwrap_or((0, 0));
    let nps = item.is_nps();
    let option = |(id, text): (String, Texts)| v1::ItemOption { id, text };
    v1::Item {
        id: item.id,
        text: item.text,
        grade_min,
        grade_max,
        scores_0_100: item.scores,
        satisfied_grades: item.satisfied,
        bad_grades: item.bad,
        nps,
        options: item.options.into_iter().map(option).collect(),
        section: item.section,
    }
}

/// A countable answer as it stands in a response's facts.
pub fn item_answer(answer: Countable) -> v1::ItemAnswer {
    use v1::item_answer::Value;
    let value = match answer.value {
        CountedValue::Grade(grade) => Value::Grade(grade),
        CountedValue::Options(ids) => Value::Options(v1::ItemOptions { ids }),
        CountedValue::Number(number) => Value::Number(number),
        CountedValue::NotApplicable => Value::NotApplicable(true),
        CountedValue::Refused => Value::Refused(true),
    };
    v1::ItemAnswer { item: answer.item, value: Some(value) }
}
