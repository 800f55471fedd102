//! Questionnaires of SurveyJS: what both can say is taken over, and everything else is reported
//! with its place in the source. What comes out is sound, or at least has its problems named by
//! the check of definitions.

mod choices;
mod expression;
mod question;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::questionnaire::{
    Condition, Definition, Ending, Kind, QUESTIONS_MAX, Question, Scale, Section,
};

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Left out.
    LeftOut,
    /// Taken over in another form.
    Changed,
}

/// Something that was not taken over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Where in the source, as a JSON pointer.
    pub pointer: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What, and why.
    pub description: String,
    /// Id of the question that it concerns, or empty.
    pub question: String,
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// The questionnaire.
    pub definition: Definition,
    /// What could not be taken over, or was taken over differently.
    pub remarks: Vec<Remark>,
}

/// Most remarks that are told.
const REMARKS_MAX: usize = 1_000;
/// Deepest nesting of panels.
const DEPTH_MAX: usize = 10;

/// What is known of a question that was taken over.
#[derive(Debug, Clone, Default)]
struct Known {
    id: String,
    kind: Kind,
    /// Options and rows by the value that stands for them in the source.
    options: BTreeMap<String, String>,
    rows: BTreeMap<String, String>,
    scale: String,
}

#[derive(Default)]
struct Importer {
    language: String,
    remarks: Vec<Remark>,
    ids: BTreeSet<String>,
    /// Questions so far, by their names in the source.
    known: BTreeMap<String, Known>,
    scales: Vec<Scale>,
    languages: BTreeSet<String>,
    count: usize,
}

/// Reads a SurveyJS document.
///
/// # Errors
/// Says why the text is no such document, or holds no question that can be taken over.
pub fn import(json: &str) -> Result<Imported, String> {
    let source: Value =
        serde_json::from_str(json).map_err(|error| format!("is no JSON: {error}"))?;
    let Some(root) = source.as_object() else {
        return Err("is no SurveyJS document: it is not an object".to_owned());
    };
    if !["pages", "elements", "questions"].iter().any(|key| root.contains_key(*key)) {
        return Err("is no SurveyJS document: it has no pages and no elements".to_owned());
    }
    let mut importer = Importer { language: text::language_of(root), ..Importer::default() };
    let definition = importer.document(root);
    if definition.sections.is_empty() {
        return Err("holds no question that can be taken over".to_owned());
    }
    Ok(Imported { definition, remarks: importer.remarks })
}

impl Importer {
    fn document(&mut self, root: &Map<String, Value>) -> Definition {
        // Texts may refer to questions before them, so they are read in their order.
        let title = self.texts(root.get("title"), "/title", 200);
        let introduction = self.texts(root.get("description"), "/description", 4_000);
        let mut sections = Vec::new();
        match root.get("pages").and_then(Value::as_array) {
            Some(pages) => {
                for (p, page) in pages.iter().enumerate() {
                    sections.extend(self.page(&format!("/pages/{p}"), page));
                }
            }
            None => sections.extend(self.page("", &Value::Object(root.clone()))),
        }
        let thanks = self.texts(root.get("completedHtml"), "/completedHtml", 2_000);
        let handled = [
            "title",
            "description",
            "completedHtml",
            "pages",
            "elements",
            "questions",
            "locale",
            "name",
        ];
        self.left_out("", root, &handled, "");
        let endings = match thanks.is_empty() {
            true => Vec::new(),
            false => {
                let id = self.id("thanks", "ending");
                vec![Ending { id, text: thanks, screened_out: false }]
            }
        };
        // A question that was left out may have had a scale of its own.
        let mut scales = std::mem::take(&mut self.scales);
        let used = |scale: &Scale| {
            sections.iter().flat_map(|s: &Section| &s.questions).any(|q| q.scale == scale.id)
        };
        scales.retain(used);
        let mut definition = Definition {
            title,
            introduction,
            default_language: self.language.clone(),
            scales,
            sections,
            endings,
            ..Definition::default()
        };
        self.complete_title(&mut definition);
        definition
    }

    /// A title in every language that a text has: the title decides which ones there are.
    fn complete_title(&mut self, definition: &mut Definition) {
        let fallback = definition.title.get(&self.language).cloned();
        let fallback = fallback.unwrap_or_else(|| {
            self.remark("/title", Outcome::Changed, "there is no title; one was made up", "");
            "SurveyJS".to_owned()
        });
        let languages = std::mem::take(&mut self.languages);
        for language in languages.into_iter().chain([self.language.clone()]) {
            definition.title.entry(language).or_insert_with(|| fallback.clone());
        }
    }

    fn page(&mut self, pointer: &str, page: &Value) -> Option<Section> {
        let page = page.as_object()?;
        let key = if page.contains_key("elements") { "elements" } else { "questions" };
        let name = page.get("name").and_then(Value::as_str).unwrap_or_default();
        let id = self.id(name, "page");
        let show_if = self.condition(pointer, page, "visibleIf", &id);
        // A page of its own, and not the document itself.
        let (mut title, mut description) = Default::default();
        if !pointer.is_empty() {
            title = self.texts(page.get("title"), &format!("{pointer}/title"), 200);
            let place = format!("{pointer}/description");
            description = self.texts(page.get("description"), &place, 2_000);
            let handled = ["name", "title", "description", "visibleIf", "elements", "questions"];
            self.left_out(pointer, page, &handled, "");
        }
        let mut questions = Vec::new();
        let elements = page.get(key).and_then(Value::as_array);
        for (e, element) in elements.into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/{key}/{e}");
            self.element(&pointer, element, &None, 0, &mut questions);
        }
        if questions.is_empty() {
            let text = "the page has no question that can be taken over";
            self.remark(pointer, Outcome::LeftOut, text, "");
            return None;
        }
        Some(Section { id, title, description, show_if, questions, shuffle_questions: false })
    }

    /// A question, or the questions of a panel. `outer` is the condition of the panels around.
    fn element(
        &mut self,
        pointer: &str,
        element: &Value,
        outer: &Option<Condition>,
        depth: usize,
        questions: &mut Vec<Question>,
    ) {
        let Some(element) = element.as_object() else {
            return self.remark(pointer, Outcome::LeftOut, "is no element", "");
        };
        if element.get("type").and_then(Value::as_str) == Some("panel") {
            return self.panel(pointer, element, outer, depth, questions);
        }
        if self.count >= QUESTIONS_MAX {
            let text = format!("there are more than {QUESTIONS_MAX} questions");
            return self.remark(pointer, Outcome::LeftOut, text, "");
        }
        // A condition looks back, so it is read before the question itself is known.
        let told = self.remarks.len();
        let own = self.condition(pointer, element, "visibleIf", "");
        if let Some(mut question) = self.question(pointer, element) {
            for remark in &mut self.remarks[told..] {
                remark.question.clone_from(&question.id);
            }
            question.show_if = self.both(pointer, outer.clone(), own, &question.id);
            self.count += 1;
            questions.push(question);
        }
    }

    fn panel(
        &mut self,
        pointer: &str,
        panel: &Map<String, Value>,
        outer: &Option<Condition>,
        depth: usize,
        questions: &mut Vec<Question>,
    ) {
        if depth >= DEPTH_MAX {
            return self.remark(pointer, Outcome::LeftOut, "panels are nested too deep", "");
        }
        let text = "panels do not exist here; their questions stand in the page";
        self.remark(pointer, Outcome::Changed, text, "");
        let own = self.condition(pointer, panel, "visibleIf", "");
        let condition = self.both(pointer, outer.clone(), own, "");
        let elements = panel.get("elements").and_then(Value::as_array);
        for (e, inner) in elements.into_iter().flatten().enumerate() {
            let pointer = format!("{pointer}/elements/{e}");
            self.element(&pointer, inner, &condition, depth + 1, questions);
        }
        let handled = ["type", "name", "elements", "visibleIf"];
        self.left_out(pointer, panel, &handled, "");
    }

    fn remark(
        &mut self,
        pointer: &str,
        outcome: Outcome,
        description: impl Into<String>,
        question: &str,
    ) {
        if self.remarks.len() < REMARKS_MAX {
            self.remarks.push(Remark {
                pointer: pointer.to_owned(),
                outcome,
                description: description.into(),
                question: question.to_owned(),
            });
        }
    }

    /// Reports every property that nothing was made of.
    fn left_out(&mut self, at: &str, of: &Map<String, Value>, handled: &[&str], question: &str) {
        for key in of.keys().filter(|key| !handled.contains(&key.as_str())) {
            let shown: String = key.chars().take(60).collect();
            let pointer = format!("{at}/{}", shown.replace('~', "~0").replace('/', "~1"));
            let text = format!("{shown} has no counterpart here");
            self.remark(&pointer, Outcome::LeftOut, text, question);
        }
    }

    /// An id of its own, as like to a name of the source as can be.
    fn id(&mut self, name: &str, fallback: &str) -> String {
        let id = unique(name, fallback, |id| self.ids.contains(id));
        self.ids.insert(id.clone());
        id
    }
}

/// An id like a name that is not taken yet.
fn unique(name: &str, fallback: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut plain = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => plain.push(c),
            _ if plain.ends_with('_') || plain.is_empty() => {}
            _ => plain.push('_'),
        }
    }
    let plain = plain.trim_end_matches('_');
    let mut id: String = match plain.bytes().next() {
        Some(b'a'..=b'z') => plain.to_owned(),
        Some(_) => format!("{}{plain}", fallback.chars().next().unwrap_or('q')),
        None => fallback.to_owned(),
    };
    id.truncate(32);
    if !taken(&id) && id != "reasons" {
        return id;
    }
    (2..).map(|n| format!("{id}_{n}")).find(|id| !taken(id)).unwrap_or(id)
}
