//! Items: what of a questionnaire can be counted, each under an id that stays the same as long
//! as it means the same.

use super::{
    Definition, Kind, Question, Section, Texts,
    definition::{EXPECTED, PERCEIVED, REASONS},
};

/// A countable item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Id: `question`, `question/row`, `question/expected`, `question/left:right`; reasons of
    /// grades have `/reasons` behind it.
    pub id: String,
    /// Question.
    pub question: String,
    /// Kind of the question.
    pub kind: Kind,
    /// Text per language.
    pub text: Texts,
    /// Lowest and highest grade, when it has a scale.
    pub grades: Option<(i32, i32)>,
    /// Score of each grade.
    pub scores: Vec<f64>,
    /// Grades that count as satisfied.
    pub satisfied: Vec<i32>,
    /// Grades that count as bad.
    pub bad: Vec<i32>,
    /// Options: id and text.
    pub options: Vec<(String, Texts)>,
    /// Fewest and most options of an answer.
    pub choices: (usize, usize),
    /// Section.
    pub section: String,
    /// Whether it counts the reasons of a grade.
    pub reasons: bool,
}

impl Item {
    /// Whether it is a net promoter question.
    pub fn is_nps(&self) -> bool {
        self.kind == Kind::Nps && !self.reasons
    }
}

/// All items in the order of the questionnaire. Texts and dates are not countable.
pub fn items(definition: &Definition) -> Vec<Item> {
    let all = definition.questions();
    all.flat_map(|(section, question)| items_of(definition, section, question)).collect()
}

fn items_of(definition: &Definition, section: &Section, question: &Question) -> Vec<Item> {
    if question.kind.is_text() || matches!(question.kind, Kind::Date | Kind::Unspecified) {
        return Vec::new();
    }
    let scale = definition.scale_of(question);
    let reasons = reasons_of(definition, question);
    let mut items = Vec::new();
    for part in question.parts() {
        let options = if scale.is_none() && question.is_choice() {
            options_of(question, &part)
        } else {
            Vec::new()
        };
        let item = Item {
            id: question.item(&part),
            question: question.id.clone(),
            kind: question.kind,
            text: text_of(question, &part),
            grades: scale.as_ref().map(|scale| (scale.min, scale.max)),
            scores: scale.as_ref().map(|scale| scale.scores()).unwrap_or_default(),
            satisfied: scale.as_ref().map(|scale| scale.satisfied()).unwrap_or_default(),
            bad: scale.as_ref().map(|scale| scale.bad()).unwrap_or_default(),
            options,
            choices: question.choices(),
            section: section.id.clone(),
            reasons: false,
        };
        if !reasons.is_empty() {
            let count = reasons.len();
            let id = format!("{}/{REASONS}", item.id);
            let of_reasons = Item {
                id,
                options: reasons.clone(),
                choices: (1, count),
                grades: None,
                scores: Vec::new(),
                satisfied: Vec::new(),
                bad: Vec::new(),
                reasons: true,
                ..item.clone()
            };
            items.push(item);
            items.push(of_reasons);
        } else {
            items.push(item);
        }
    }
    items
}

/// Options that can be chosen: of a pair its two, otherwise all.
fn options_of(question: &Question, part: &str) -> Vec<(String, Texts)> {
    let in_pair = |id: &str| part.split(':').any(|side| side == id);
    let compared = question.kind == Kind::PairedComparison;
    let options = question.options.iter().filter(|option| !compared || in_pair(&option.id));
    options.map(|option| (option.id.clone(), option.text.clone())).collect()
}

/// Reasons of all grades, each once.
fn reasons_of(definition: &Definition, question: &Question) -> Vec<(String, Texts)> {
    let mut found: Vec<(String, Texts)> = Vec::new();
    let scale = definition.scale_of(question);
    for reason in scale.iter().flat_map(|scale| &scale.grades).flat_map(|grade| &grade.reasons) {
        if !found.iter().any(|(id, _)| *id == reason.id) {
            found.push((reason.id.clone(), reason.text.clone()));
        }
    }
    found
}

/// Text of a part: the question's, with what the part adds.
fn text_of(question: &Question, part: &str) -> Texts {
    let texts = question.text.iter();
    let added = |language: &String| {
        let chinese = language.starts_with("zh");
        match question.kind {
            Kind::Matrix => {
                let row = question.rows.iter().find(|row| row.id == part)?;
                row.text.get(language).or_else(|| row.text.values().next()).cloned()
            }
            Kind::PairedComparison => {
                let word = |id: &str| {
                    let texts = question.option(id).map(|option| &option.text)?;
                    texts.get(language).or_else(|| texts.values().next()).cloned()
                };
                let (left, right) = part.split_once(':')?;
                Some(format!("{} / {}", word(left)?, word(right)?))
            }
            _ if part == EXPECTED => Some(if chinese { "期望值" } else { "expected" }.to_owned()),
            _ if part == PERCEIVED => {
                Some(if chinese { "实际感知" } else { "perceived" }.to_owned())
            }
            _ => None,
        }
    };
    texts
        .map(|(language, text)| match added(language) {
            Some(added) => (language.clone(), format!("{text} – {added}")),
            None => (language.clone(), text.clone()),
        })
        .collect()
}
