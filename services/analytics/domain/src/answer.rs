//! Facts of responses to questionnaires, what their items mean, and the cells that count them.
//! Additive like the cells of ratings: the same facts give the same cells in any order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::{
    cell::Counts,
    fact::{GRADES_PER_BLOCK, Grade},
    number,
    template::{Meaning, Template},
    time::local_day,
};

/// Block of the row that counts kinds of answers instead of grades; see [`Kind`].
pub const KINDS_BLOCK: i16 = -1;

/// What a row of [`KINDS_BLOCK`] counts, by column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Responses; the only column of the row without an item.
    Response,
    /// Answers that are counted in figures: grades, choices and numbers.
    Answered,
    /// "Does not apply".
    NotApplicable,
    /// "Prefer not to say".
    Refused,
}

/// Where a response belongs. Nil means none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerPlace {
    /// Organisation.
    pub org: Uuid,
    /// Nearest unit at or above `unit` that is not a window.
    pub site: Uuid,
    /// Unit that the answers are about.
    pub unit: Uuid,
    /// Staff member that the answers are about.
    pub staff: Uuid,
    /// Campaign.
    pub campaign: Uuid,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Its version, from 1.
    pub version: i32,
    /// Class of the customer.
    pub customer_class: Uuid,
    /// Number of the channel.
    pub channel: i16,
    /// Marked as suspect.
    pub suspect: bool,
    /// The campaign promised anonymity.
    pub anonymous: bool,
}

/// One answer that can be counted.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Grade of a scale.
    Grade(Grade),
    /// Chosen options; of a ranking in order.
    Options(Vec<String>),
    /// Number.
    Number(f64),
    /// Said not to apply.
    NotApplicable,
    /// Refused to say.
    Refused,
}

/// A response, as far as figures need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// Its id.
    pub id: Uuid,
    /// Where it belongs.
    pub place: AnswerPlace,
    /// When it was submitted, microseconds since 1970 UTC.
    pub time_us: i64,
    /// Beginning of the site's stretch that it belongs to; `None` when its source did not say.
    pub site_since_us: Option<i64>,
    /// Answers by item, in the order of the questionnaire.
    pub answers: Vec<(String, Answer)>,
}

/// A response that is added or taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseChange {
    /// The response.
    pub response: Response,
    /// Whether it holds now, or no longer.
    pub holds: bool,
}

/// Key of a cell of answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerKey {
    /// Where; the site's local day follows.
    pub place: AnswerPlace,
    /// Local day of the site.
    pub day: i32,
    /// Item; empty in the row that counts responses.
    pub item: String,
    /// Option; empty but in rows of choices, whose columns are the places of the choice.
    pub option: String,
    /// Which eleven grades, [`KINDS_BLOCK`], or one of the blocks of [`number`].
    pub block: i16,
}

/// Adds the cells of a response to `cells`.
pub fn add_cells(
    cells: &mut BTreeMap<AnswerKey, Counts>,
    change: &ResponseChange,
    zone: &TimeZone,
) {
    let sign = if change.holds { 1 } else { -1 };
    let response = &change.response;
    let day = local_day(response.time_us, zone);
    let mut row = |item: &str, option: &str, block: i16, add: &dyn Fn(&mut Counts)| {
        let key = AnswerKey {
            place: response.place.clone(),
            day,
            item: item.to_owned(),
            option: option.to_owned(),
            block,
        };
        add(cells.entry(key).or_default());
    };
    let one = |column: usize| move |counts: &mut Counts| counts.grades[column] += sign;
    row("", "", KINDS_BLOCK, &one(Kind::Response as usize));
    for (item, answer) in &response.answers {
        let kind = match answer {
            Answer::NotApplicable => Kind::NotApplicable,
            Answer::Refused => Kind::Refused,
            Answer::Grade(_) | Answer::Options(_) | Answer::Number(_) => Kind::Answered,
        };
        row(item, "", KINDS_BLOCK, &one(kind as usize));
        match answer {
            Answer::Grade(grade) => row(item, "", grade.block(), &one(grade.index())),
            Answer::Options(options) => {
                for (place, option) in options.iter().enumerate() {
                    row(item, option, 0, &one(place.min(GRADES_PER_BLOCK - 1)));
                }
            }
            Answer::Number(number) => {
                let Some((block, columns)) = number::columns(*number) else { continue };
                row(item, "", block, &|counts| {
                    for (sum, column) in counts.grades.iter_mut().zip(columns) {
                        *sum += sign * column;
                    }
                });
            }
            Answer::NotApplicable | Answer::Refused => {}
        }
    }
}

/// A countable item of a published version.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Id; the same id in two versions means the same item.
    pub id: String,
    /// Lowest and highest grade; `None` without a scale.
    pub scale: Option<(i32, i32)>,
    /// Each grade's meaning.
    pub grades: Vec<(i32, Meaning)>,
    /// Whether it is a net promoter question.
    pub nps: bool,
    /// Ids of its options.
    pub options: Vec<String>,
    /// Section or construct, or empty.
    pub section: String,
}

impl Item {
    /// As a template with one item under the id that the caller gives it.
    pub fn template(&self, id: Uuid) -> Option<Template> {
        let (scale_min, scale_max) = self.scale?;
        Some(Template {
            id,
            items: vec![self.id.clone()],
            scale_min,
            scale_max,
            grades: self.grades.clone(),
            nps: self.nps && self.scale == Some((0, 10)),
            satisfied_from: 0,
            bad_to: 0,
        })
    }

    /// Whether answers to both may be counted together as answers to one item.
    pub fn is_like(&self, other: &Self) -> bool {
        let options = |item: &Self| item.options.iter().cloned().collect::<BTreeSet<_>>();
        self.scale == other.scale
            && self.grades == other.grades
            && self.nps == other.nps
            && options(self) == options(other)
    }
}

/// The countable items of a published version.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Version, from 1.
    pub version: i32,
    /// Items in order.
    pub items: Vec<Item>,
    /// Hash of the version's canonical form.
    pub hash: String,
}

impl Version {
    /// An item by its id.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }
}

/// Versions of one questionnaire that were counted together, and whether that compares like
/// with like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Versions, ascending.
    pub versions: Vec<i32>,
    /// Items that are not the same in all of them, in order of their ids.
    pub differing: Vec<String>,
}

/// Says of each questionnaire which versions `counted` joins. `counted` are the items that
/// were counted, by questionnaire and version; `versions` finds definitions.
pub fn joined<'a>(
    counted: &BTreeMap<(Uuid, i32), BTreeSet<String>>,
    versions: impl Fn(Uuid, i32) -> Option<&'a Version>,
) -> Vec<Joined> {
    let mut found: BTreeMap<Uuid, Joined> = BTreeMap::new();
    for (questionnaire, version) in counted.keys() {
        let joined = found.entry(*questionnaire).or_insert_with(|| Joined {
            questionnaire: *questionnaire,
            versions: Vec::new(),
            differing: Vec::new(),
        });
        joined.versions.push(*version);
    }
    for joined in found.values_mut() {
        let mut first: BTreeMap<&str, Option<&Item>> = BTreeMap::new();
        let mut differing = BTreeSet::new();
        for version in &joined.versions {
            let Some(items) = counted.get(&(joined.questionnaire, *version)) else { continue };
            let definition = versions(joined.questionnaire, *version);
            for id in items {
                let item = definition.and_then(|definition| definition.item(id));
                let known = *first.entry(id.as_str()).or_insert(item);
                let alike = match (known, item) {
                    (Some(known), Some(item)) => known.is_like(item),
                    (None, None) => joined.versions.len() == 1,
                    _ => false,
                };
                if !alike {
                    differing.insert(id.clone());
                }
            }
        }
        joined.differing = differing.into_iter().collect();
    }
    found.into_values().collect()
}

/// The canonical text of the definitions that figures used: a line for each version, ordered.
pub fn canonical<'a>(versions: impl IntoIterator<Item = &'a Version>) -> String {
    let mut lines: Vec<String> = versions
        .into_iter()
        .map(|version| {
            let mut line = String::new();
            let id = version.questionnaire.simple();
            let _ = write!(line, "{id} {} {}", version.version, version.hash);
            line
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> Response {
        let id = Uuid::from_u128;
        Response {
            id: id(1),
            place: AnswerPlace {
                org: id(2),
                site: id(3),
                unit: id(4),
                staff: Uuid::nil(),
                campaign: id(5),
                questionnaire: id(6),
                version: 1,
                customer_class: Uuid::nil(),
                channel: 3,
                suspect: false,
                anonymous: true,
            },
            time_us: 1_795_000_000_000_000,
            site_since_us: None,
            answers: vec![
                ("q1".to_owned(), Answer::Grade(Grade::new(100).unwrap())),
                ("q2".to_owned(), Answer::Options(vec!["b".to_owned(), "a".to_owned()])),
                ("q3".to_owned(), Answer::Number(2.5)),
                ("q4".to_owned(), Answer::NotApplicable),
            ],
        }
    }

    #[test]
    fn a_response_counts_once_and_each_answer_once_by_kind() {
        let mut cells = BTreeMap::new();
        let change = ResponseChange { response: response(), holds: true };
        add_cells(&mut cells, &change, &TimeZone::UTC);
        let get = |item: &str, option: &str, block: i16, column: usize| {
            let of =
                |key: &AnswerKey| key.item == item && key.option == option && key.block == block;
            cells.iter().find(|(key, _)| of(key)).map_or(0, |(_, c)| c.grades[column])
        };
        assert_eq!(get("", "", KINDS_BLOCK, Kind::Response as usize), 1);
        assert_eq!(get("q1", "", 9, 1), 1);
        assert_eq!(get("q2", "b", 0, 0), 1);
        assert_eq!(get("q2", "a", 0, 1), 1);
        assert_eq!(get("q3", "", KINDS_BLOCK, Kind::Answered as usize), 1);
        assert_eq!(get("q4", "", KINDS_BLOCK, Kind::NotApplicable as usize), 1);
        assert_eq!(get("q4", "", KINDS_BLOCK, Kind::Answered as usize), 0);
        let change = ResponseChange { response: response(), holds: false };
        add_cells(&mut cells, &change, &TimeZone::UTC);
        assert!(cells.values().all(Counts::is_zero), "taken back, nothing is left");
    }

    fn version(number: i32, high: i32) -> Version {
        let grades = (1..=high)
            .map(|g| (g, Meaning { score: f64::from(g), satisfied: false, bad: false }))
            .collect();
        let item = Item {
            id: "q1".to_owned(),
            scale: Some((1, high)),
            grades,
            nps: false,
            options: Vec::new(),
            section: String::new(),
        };
        Version {
            questionnaire: Uuid::from_u128(6),
            version: number,
            items: vec![item],
            hash: format!("h{number}"),
        }
    }

    #[test]
    fn versions_join_where_their_items_are_the_same_and_say_where_not() {
        let versions = [version(1, 5), version(2, 5), version(3, 7)];
        let find = |_, number: i32| versions.iter().find(|v| v.version == number);
        let items: BTreeSet<String> = ["q1".to_owned()].into();
        let counted = |numbers: &[i32]| {
            numbers.iter().map(|n| ((Uuid::from_u128(6), *n), items.clone())).collect()
        };
        let same = joined(&counted(&[1, 2]), find);
        assert_eq!((same[0].versions.as_slice(), same[0].differing.len()), (&[1, 2][..], 0));
        let other = joined(&counted(&[1, 3]), find);
        assert_eq!(other[0].differing, ["q1"]);
        let unknown = joined(&counted(&[1, 9]), find);
        assert_eq!(unknown[0].differing, ["q1"], "what is not known is not the same");
    }
}
