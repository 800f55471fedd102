//! The form as a respondent sees it: one language, branching decided, placeholders filled,
//! orders of chance drawn.

use super::{
    Kind, Question, QuestionOption, Section, Texts, Version,
    definition::part_words,
    flow::{Way, walk},
    order::shuffled,
    pipe::{Escape, Filling},
};
use crate::answer::{Answers, Attributes};

/// What a form is made for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Wanted language; the nearest there is is taken.
    pub language: &'a str,
    /// Seed of whatever is shuffled.
    pub seed: u32,
    /// How texts are escaped.
    pub escape: Escape,
}

/// The form.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    /// Language of the texts.
    pub language: String,
    /// All languages there are.
    pub languages: Vec<String>,
    /// Title.
    pub title: String,
    /// Introduction.
    pub introduction: String,
    /// What is shown, in the order to show it.
    pub sections: Vec<FormSection>,
    /// Where the answers so far lead to.
    pub ending: FormEnding,
    /// What was shuffled: id of the section or question, with `/rows` for rows, and ids.
    pub orders: Vec<(String, Vec<String>)>,
}

/// A section of the form.
#[derive(Debug, Clone, PartialEq)]
pub struct FormSection {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Words below the title.
    pub description: String,
    /// Questions.
    pub questions: Vec<FormQuestion>,
}

/// A question of the form.
#[derive(Debug, Clone, PartialEq)]
pub struct FormQuestion {
    /// The question as it was written; its texts are in the fields below.
    pub source: Question,
    /// The question.
    pub text: String,
    /// Words that help.
    pub help: String,
    /// Lowest and highest grade, if it has a scale.
    pub scale: Option<(i32, i32)>,
    /// Grades from the lowest.
    pub grades: Vec<FormGrade>,
    /// Words at the lowest end.
    pub low_label: String,
    /// Words at the highest end.
    pub high_label: String,
    /// Options in the order to show them.
    pub options: Vec<FormOption>,
    /// Parts: id and text, in the order to show them; empty when there is one answer.
    pub parts: Vec<(String, String)>,
    /// Unit of a number.
    pub unit: String,
}

/// A grade of the form.
#[derive(Debug, Clone, PartialEq)]
pub struct FormGrade {
    /// Grade.
    pub grade: i32,
    /// Label.
    pub label: String,
    /// Picture.
    pub face: String,
    /// Reasons to choose from.
    pub reasons: Vec<FormOption>,
}

/// An option of the form.
#[derive(Debug, Clone, PartialEq)]
pub struct FormOption {
    /// Id.
    pub id: String,
    /// Text.
    pub text: String,
    /// Excludes all others.
    pub exclusive: bool,
    /// Asks to be specified.
    pub specify: bool,
}

/// Where the answers lead to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FormEnding {
    /// Id, empty for the plain end.
    pub id: String,
    /// What is said there.
    pub text: String,
    /// The respondent is not among those who are asked.
    pub screened_out: bool,
}

struct Drawing<'a> {
    version: &'a Version,
    filling: Filling<'a>,
    seed: u32,
    orders: Vec<(String, Vec<String>)>,
}

/// The form after the answers so far. Pure.
pub fn form(
    version: &Version,
    answers: &Answers,
    attributes: &Attributes,
    wanted: Wanted<'_>,
) -> Form {
    let way = walk(version, answers, attributes);
    let definition = version.definition();
    let language = definition.language(wanted.language);
    let filling = Filling {
        version,
        answers: &way.answers,
        attributes,
        language: &language,
        escape: wanted.escape,
    };
    let mut drawing = Drawing { version, filling, seed: wanted.seed, orders: Vec::new() };
    let sections = 0..definition.sections.len();
    let sections: Vec<FormSection> =
        sections.filter_map(|section| drawing.section(section, &way)).collect();
    let ending = way.ending_of(version).map(|ending| FormEnding {
        id: ending.id.clone(),
        text: drawing.text(&ending.text),
        screened_out: ending.screened_out,
    });
    Form {
        title: drawing.text(&definition.title),
        introduction: drawing.text(&definition.introduction),
        orders: std::mem::take(&mut drawing.orders),
        sections,
        ending: ending.unwrap_or_default(),
        languages: definition.languages(),
        language: language.clone(),
    }
}

impl Drawing<'_> {
    fn text(&self, texts: &Texts) -> String {
        let text = self.version.definition().text(texts, self.filling.language);
        self.filling.fill(text)
    }

    fn section(&mut self, number: usize, way: &Way<'_>) -> Option<FormSection> {
        let section = &self.version.definition().sections[number];
        let start = self.version.section_start(number);
        let order = self.order(
            section.shuffle_questions,
            &section.id,
            &section.questions.iter().map(|q| q.id.as_str()).collect::<Vec<_>>(),
            |_| false,
        );
        let shown: Vec<usize> =
            order.into_iter().filter(|question| way.shows(start + question)).collect();
        let shown: Vec<FormQuestion> =
            shown.into_iter().map(|question| self.question(section, question)).collect();
        (!shown.is_empty()).then(|| FormSection {
            id: section.id.clone(),
            title: self.text(&section.title),
            description: self.text(&section.description),
            questions: shown,
        })
    }

    fn question(&mut self, section: &Section, number: usize) -> FormQuestion {
        let question = &section.questions[number];
        let scale = self.version.definition().scale_of(question);
        let grades = scale.iter().flat_map(|scale| {
            (scale.min..).zip(&scale.grades).map(|(grade, known)| FormGrade {
                grade,
                label: self.text(&known.label),
                face: known.face.clone(),
                reasons: known.reasons.iter().map(|reason| self.option(reason)).collect(),
            })
        });
        let grades = grades.collect();
        let label = |texts: Option<&Texts>| texts.map(|t| self.text(t)).unwrap_or_default();
        let low_label = label(scale.as_ref().map(|scale| &scale.low_label));
        let high_label = label(scale.as_ref().map(|scale| &scale.high_label));
        let unit = label(question.number.as_ref().map(|number| &number.unit));
        FormQuestion {
            text: self.text(&question.text),
            help: self.text(&question.help),
            scale: scale.as_ref().map(|scale| (scale.min, scale.max)),
            grades,
            low_label,
            high_label,
            options: self.options(question),
            parts: self.parts(question),
            unit,
            source: question.clone(),
        }
    }

    fn options(&mut self, question: &Question) -> Vec<FormOption> {
        let ids: Vec<&str> = question.options.iter().map(|option| option.id.as_str()).collect();
        let order =
            self.order(question.shuffle_options, &question.id, &ids, |i| question.options[i].fixed);
        order.into_iter().map(|i| self.option(&question.options[i])).collect()
    }

    fn option(&self, option: &QuestionOption) -> FormOption {
        FormOption {
            id: option.id.clone(),
            text: self.text(&option.text),
            exclusive: option.exclusive,
            specify: option.specify,
        }
    }

    fn parts(&mut self, question: &Question) -> Vec<(String, String)> {
        if question.kind != Kind::Matrix {
            let parts = question.parts().into_iter().filter(|part| !part.is_empty());
            return parts.map(|part| (part.clone(), self.part(question, &part))).collect();
        }
        let ids: Vec<&str> = question.rows.iter().map(|row| row.id.as_str()).collect();
        let element = format!("{}/rows", question.id);
        let order = self.order(question.shuffle_rows, &element, &ids, |_| false);
        let rows = order.into_iter().map(|i| &question.rows[i]);
        rows.map(|row| (row.id.clone(), self.text(&row.text))).collect()
    }

    /// Words of a part that has no row: what was expected and perceived, and the two of a pair.
    fn part(&self, question: &Question, part: &str) -> String {
        if let Some((left, right)) = part.split_once(':') {
            let word = |id: &str| question.option(id).map(|option| self.text(&option.text));
            let (left, right) = (word(left), word(right));
            return format!("{} / {}", left.unwrap_or_default(), right.unwrap_or_default());
        }
        part_words(part, self.filling.language).to_owned()
    }

    /// Draws an order and records it; the written order when nothing is shuffled.
    fn order(
        &mut self,
        shuffle: bool,
        element: &str,
        ids: &[&str],
        fixed: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        if !shuffle {
            return (0..ids.len()).collect();
        }
        let order = shuffled(self.seed, element, ids.len(), fixed);
        let shown = order.iter().map(|i| ids[*i].to_owned()).collect();
        self.orders.push((element.to_owned(), shown));
        order
    }
}
