//! What could be better in a questionnaire: each finding with its place, the rule, a reason and a
//! suggestion, in Chinese or English. Findings are advice; nothing is refused because of them
//! unless somebody asks for that. Words are looked at in Chinese and English texts only.

mod message;
mod scales;
mod structure;
#[cfg(test)]
mod tests;
mod texts;
mod words;

use crate::questionnaire::{Definition, Kind, Question, Section, Texts};

/// How much a finding matters. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a thought.
    Hint = 1,
    /// Likely to harm the answers.
    Warning = 2,
    /// Answers will mislead.
    Serious = 3,
}

/// A rule. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Asks about two things at once.
    DoubleBarrelled = 1,
    /// The question is long.
    LongText = 2,
    /// Words that lead to an answer.
    Leading = 3,
    /// Emotive or absolute words.
    Loaded = 4,
    /// Two negations, or one in a graded statement.
    Negation = 5,
    /// Vague words.
    Vague = 6,
    /// Technical words or abbreviations.
    Jargon = 7,
    /// More grades on one side than on the other.
    UnbalancedScale = 8,
    /// A scale without words.
    UnlabelledScale = 9,
    /// Scales of many lengths.
    MixedScales = 10,
    /// Required, and no "not applicable".
    NoNotApplicable = 11,
    /// Personal, required, and no way to refuse.
    NoRefusal = 12,
    /// A choice without "other".
    NoOther = 13,
    /// Ranges overlap or leave a gap.
    OverlappingOptions = 14,
    /// Too many options.
    ManyOptions = 15,
    /// Too many rows.
    ManyRows = 16,
    /// It takes long.
    LongQuestionnaire = 17,
    /// Many open questions.
    ManyOpenQuestions = 18,
    /// An open question must be answered.
    RequiredOpenQuestion = 19,
    /// Two questions say the same.
    SameQuestion = 20,
    /// A translation is missing.
    MissingTranslation = 21,
    /// Personal questions come first.
    PersonalFirst = 22,
    /// Nothing on overall satisfaction.
    NoOverall = 23,
    /// No introduction.
    NoIntroduction = 24,
    /// A bad grade is not asked for its reason.
    NoReason = 25,
}

/// Something that could be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Path in the definition.
    pub place: String,
    /// Id of the question, section or scale there; empty for the questionnaire.
    pub element: String,
    /// Language of the text that was looked at, or empty.
    pub language: String,
    /// Rule.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// Why.
    pub reason: String,
    /// What to do.
    pub suggestion: String,
}

/// Most findings that are told.
const FINDINGS_MAX: usize = 500;

/// All findings in the order of the questionnaire, at most 500, worded in English when
/// `language` is English and in Chinese otherwise.
pub fn lint(definition: &Definition, language: &str) -> Vec<Finding> {
    let english = language.split('-').next().is_some_and(|l| l.eq_ignore_ascii_case("en"));
    let mut linter = Linter { definition, english, findings: Vec::new() };
    structure::whole(&mut linter);
    scales::all(&mut linter);
    for (s, section) in definition.sections.iter().enumerate() {
        for (q, question) in section.questions.iter().enumerate() {
            let at = At { place: format!("sections[{s}].questions[{q}]"), section, question };
            texts::question(&mut linter, &at);
            structure::question(&mut linter, &at);
        }
    }
    linter.findings
}

struct Linter<'a> {
    definition: &'a Definition,
    english: bool,
    findings: Vec<Finding>,
}

/// A question and where it stands.
struct At<'a> {
    place: String,
    section: &'a Section,
    question: &'a Question,
}

impl At<'_> {
    /// Whether everybody is asked.
    fn is_for_all(&self) -> bool {
        self.section.show_if.is_none() && self.question.show_if.is_none()
    }
}

impl Linter<'_> {
    /// Adds a finding. `detail` is what the reason quotes: a word, a number.
    fn add(
        &mut self,
        (rule, severity): (Rule, Severity),
        place: impl Into<String>,
        element: &str,
        language: &str,
        detail: &str,
    ) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        self.findings.push(Finding {
            place: place.into(),
            element: element.to_owned(),
            language: language.to_owned(),
            rule,
            severity,
            reason: message::reason(rule, self.english, detail),
            suggestion: message::suggestion(rule, self.english).to_owned(),
        });
    }
}

/// Whether answers are grades.
fn is_graded(question: &Question) -> bool {
    match question.kind {
        Kind::Scale | Kind::Smileys | Kind::Ces => true,
        Kind::Matrix => !question.scale.is_empty(),
        _ => false,
    }
}

/// Whether any text holds one of the words of its language.
fn holds(texts: &Texts, words: &words::Words) -> bool {
    texts.iter().any(|(language, text)| words.find(language, text).is_some())
}

/// Estimated minutes to answer a questionnaire: reading and answering each question, those that
/// only some are asked counted half.
pub fn minutes(definition: &Definition) -> f64 {
    let mut seconds = reading(&definition.introduction);
    for (section, question) in definition.questions() {
        let share = if section.show_if.is_some() || question.show_if.is_some() { 0.5 } else { 1.0 };
        seconds +=
            share * (reading(&question.text) + reading(&question.help) + answering(question));
    }
    (seconds / 60.0 * 10.0).round() / 10.0
}

/// Seconds to read a text: five Chinese characters a second, or four English words.
fn reading(texts: &Texts) -> f64 {
    let seconds = |text: &String| {
        let wide = text.chars().filter(|c| u32::from(*c) >= 0x2E80).count();
        let words = text.split_whitespace().filter(|word| word.is_ascii()).count();
        wide as f64 / 5.0 + words as f64 / 4.0
    };
    texts.values().map(seconds).fold(0.0, f64::max)
}

fn answering(question: &Question) -> f64 {
    let options = question.options.len() as f64;
    match question.kind {
        Kind::Unspecified => 0.0,
        Kind::Scale | Kind::Smileys if question.expectation_pair => 10.0,
        Kind::Scale | Kind::Smileys | Kind::Nps | Kind::Ces => 4.0,
        Kind::SingleChoice => 3.0 + options / 2.0,
        Kind::MultipleChoice => 4.0 + options,
        Kind::Matrix => question.rows.len() as f64 * 5.0,
        Kind::Ranking => 5.0 + 3.0 * options,
        Kind::PairedComparison => question.compared().len() as f64 * 5.0,
        Kind::Number | Kind::Date => 8.0,
        Kind::ShortText => 15.0,
        // Most people skip a long text that they may skip.
        Kind::LongText if question.required => 60.0,
        Kind::LongText => 20.0,
    }
}
