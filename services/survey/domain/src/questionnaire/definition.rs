//! What follows from a definition: its questions in order, languages, defaults.

use super::{Definition, Kind, Pair, Question, QuestionOption, Scale, Section, Texts};

/// Longest one-line answer unless the question says otherwise, in characters.
const SHORT_TEXT_MAX: i32 = 200;
/// Longest text of several lines unless the question says otherwise.
const LONG_TEXT_MAX: i32 = 10_000;

/// Parts of an expectation pair, in this order.
pub const EXPECTED: &str = "expected";
/// What was perceived.
pub const PERCEIVED: &str = "perceived";
/// End of the ids of items that count reasons.
pub const REASONS: &str = "reasons";

/// What a part of an expectation pair is called; empty for every other part.
pub fn part_words(part: &str, language: &str) -> &'static str {
    match (part, language.starts_with("zh")) {
        (EXPECTED, true) => "期望值",
        (EXPECTED, false) => "Expected",
        (PERCEIVED, true) => "实际感知",
        (PERCEIVED, false) => "Perceived",
        _ => "",
    }
}

impl Definition {
    /// All questions in order, each with its section.
    pub fn questions(&self) -> impl Iterator<Item = (&Section, &Question)> {
        self.sections.iter().flat_map(|section| section.questions.iter().map(move |q| (section, q)))
    }

    /// Languages, the default one first.
    pub fn languages(&self) -> Vec<String> {
        let first = self.default_language();
        let others = self.title.keys().filter(|language| **language != first).cloned();
        std::iter::once(first.clone()).chain(others).filter(|l| !l.is_empty()).collect()
    }

    /// Language for texts that are missing in another one; empty when there is no title.
    pub fn default_language(&self) -> String {
        if !self.default_language.is_empty() {
            return self.default_language.clone();
        }
        let usual = ["zh-CN", "en"].into_iter().find(|usual| self.title.contains_key(*usual));
        let first = || self.title.keys().next().cloned().unwrap_or_default();
        usual.map_or_else(first, str::to_owned)
    }

    /// The wanted language, or the nearest there is: the same without its region, one with the
    /// same first part, the default.
    pub fn language(&self, wanted: &str) -> String {
        if self.title.contains_key(wanted) {
            return wanted.to_owned();
        }
        let head = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let near = self.title.keys().find(|tag| !wanted.is_empty() && head(tag) == head(wanted));
        near.cloned().unwrap_or_else(|| self.default_language())
    }

    /// A text in a language, or else in the default language, or else in any.
    pub fn text<'a>(&self, texts: &'a Texts, language: &str) -> &'a str {
        let fallback = || texts.get(&self.default_language()).or_else(|| texts.values().next());
        texts.get(language).or_else(fallback).map(String::as_str).unwrap_or_default()
    }

    /// The scale that a question is graded on, if it is.
    pub fn scale_of(&self, question: &Question) -> Option<Scale> {
        let named = || self.scales.iter().find(|scale| scale.id == question.scale).cloned();
        match question.kind {
            Kind::Scale | Kind::Smileys | Kind::Matrix => named(),
            Kind::Nps => Some(named().unwrap_or_else(Scale::nps)),
            Kind::Ces => Some(named().unwrap_or_else(Scale::ces)),
            _ => None,
        }
    }

    /// Whether it may be used on a day, `2026-01-31`.
    pub fn is_valid_on(&self, day: &str) -> bool {
        // Dates of this form sort as texts.
        let begun = self.valid_from.is_empty() || self.valid_from.as_str() <= day;
        begun && (self.valid_to.is_empty() || day <= self.valid_to.as_str())
    }
}

impl Question {
    /// Parts that are answered one by one; one empty part when it has a single answer.
    pub fn parts(&self) -> Vec<String> {
        match self.kind {
            Kind::Matrix => self.rows.iter().map(|row| row.id.clone()).collect(),
            Kind::PairedComparison => self.compared().iter().map(Pair::part).collect(),
            Kind::Scale | Kind::Smileys if self.expectation_pair => {
                vec![EXPECTED.to_owned(), PERCEIVED.to_owned()]
            }
            _ => vec![String::new()],
        }
    }

    /// Whether it has a part.
    pub fn has_part(&self, part: &str) -> bool {
        match self.kind {
            Kind::Matrix => self.rows.iter().any(|row| row.id == part),
            Kind::PairedComparison => self.compared().iter().any(|pair| pair.part() == part),
            Kind::Scale | Kind::Smileys if self.expectation_pair => {
                part == EXPECTED || part == PERCEIVED
            }
            _ => part.is_empty(),
        }
    }

    /// Pairs of a comparison: those that were named, or every two options.
    pub fn compared(&self) -> Vec<Pair> {
        if !self.pairs.is_empty() || self.kind != Kind::PairedComparison {
            return self.pairs.clone();
        }
        let mut pairs = Vec::new();
        for (i, left) in self.options.iter().enumerate() {
            for right in &self.options[i + 1..] {
                pairs.push(Pair { left: left.id.clone(), right: right.id.clone() });
            }
        }
        pairs
    }

    /// Option by its id.
    pub fn option(&self, id: &str) -> Option<&QuestionOption> {
        self.options.iter().find(|option| option.id == id)
    }

    /// Whether a chosen option, or several, are the answer of each part.
    pub fn is_choice(&self) -> bool {
        self.kind.has_options() || (self.kind == Kind::Matrix && self.scale.is_empty())
    }

    /// Fewest and most options of an answer.
    pub fn choices(&self) -> (usize, usize) {
        let all = self.options.len();
        let given = |n: i32| usize::try_from(n).ok().filter(|n| *n > 0);
        match self.kind {
            Kind::MultipleChoice => {
                (given(self.choices_min).unwrap_or(1), given(self.choices_max).unwrap_or(all))
            }
            Kind::Ranking => {
                let max = given(self.choices_max).unwrap_or(all);
                (given(self.choices_min).unwrap_or(max), max)
            }
            Kind::Matrix => {
                (given(self.choices_min).unwrap_or(1), given(self.choices_max).unwrap_or(1))
            }
            Kind::PairedComparison if self.ties => (1, 2),
            _ => (1, 1),
        }
    }

    /// Longest text in characters.
    pub fn text_limit(&self) -> usize {
        let default = if self.kind == Kind::ShortText { SHORT_TEXT_MAX } else { LONG_TEXT_MAX };
        let given = if self.text_max > 0 { self.text_max } else { default };
        usize::try_from(given).unwrap_or_default()
    }

    /// Id of the item that a part of it is counted as.
    pub fn item(&self, part: &str) -> String {
        if part.is_empty() { self.id.clone() } else { format!("{}/{part}", self.id) }
    }
}
