//! Reliability of the blocks of an index: nodes whose children are questions of one
//! questionnaire.

use analytics_domain::{
    answer::Answer,
    index::definition::{Measure, Statistic},
    measures::reliability::alpha::{Alpha, Grade as Band, alpha},
    suppression::RESPONDENTS_MIN,
};
use kit::{directory::OrgView, error::Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{Asked, sheets, targets::Targets};
use crate::store::{
    questionnaires::Versions,
    vectors::{self, Vector},
};

/// Most responses that α of a run is found from. Of more, about so many are taken by chance that
/// is the same in every run: α is then known to a few thousandths.
const RESPONSES_MAX: u64 = 20_000;

/// Reliability of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Id of its node; empty outside of an index.
    pub node: String,
    /// Questionnaire.
    pub questionnaire: Uuid,
    /// Items.
    pub items: Vec<String>,
    /// What was found; `None` when it had to be hidden or could not be tried.
    pub alpha: Option<Alpha>,
    /// Whether α is at least what the definition asks for.
    pub passes: bool,
}

impl Block {
    /// Band of α.
    pub fn band(&self) -> Option<Band> {
        self.alpha.as_ref().and_then(|alpha| alpha.grade)
    }
}

/// Reliability of all blocks of a question's definition.
///
/// # Errors
/// TOO_MANY_BUCKETS for more responses than are read at once.
pub async fn blocks(
    conn: &impl ConnectionTrait,
    view: &OrgView,
    asked: &Asked,
    targets: &Targets,
    versions: &Versions,
) -> Result<Vec<Block>> {
    let mut found = Vec::new();
    let mut read: Option<(Uuid, Vec<Vector>)> = None;
    let definition = &asked.definition;
    for (node, children) in asked.tree.children.iter().enumerate() {
        let questions: Option<Vec<(Uuid, String)>> = children
            .iter()
            .map(|child| match definition.nodes[*child].leaf.as_ref()?.measure {
                Measure::Question { questionnaire, ref item, statistic }
                    if statistic != Statistic::Csd =>
                {
                    Some((questionnaire, item.clone()))
                }
                _ => None,
            })
            .collect();
        let Some(questions) = questions.filter(|questions| questions.len() > 1) else { continue };
        let questionnaire = questions[0].0;
        if questions.iter().any(|(of, _)| *of != questionnaire) {
            continue;
        }
        if read.as_ref().is_none_or(|(of, _)| *of != questionnaire) {
            let selection = sheets::selection(view.id, asked, targets, questionnaire);
            let mut vectors = vectors::sample(conn, &selection, RESPONSES_MAX).await?;
            vectors.retain(|vector| targets.counts(vector.site, vector.unit));
            read = Some((questionnaire, vectors));
        }
        let Some((_, vectors)) = &read else { continue };
        let items: Vec<String> = questions.into_iter().map(|(_, item)| item).collect();
        let alpha = of_items(vectors, &items, versions, questionnaire, asked.confidence);
        let value = alpha.as_ref().and_then(|alpha| alpha.alpha);
        let passes = value.is_some_and(|value| value >= definition.alpha_minimum - 1e-12);
        let node = definition.nodes[node].id.clone();
        found.push(Block { node, questionnaire, items, alpha, passes });
    }
    Ok(found)
}

/// α of items over responses; `None` when it would tell of fewer than five people who were
/// promised anonymity.
pub fn of_items(
    vectors: &[Vector],
    items: &[String],
    versions: &Versions,
    questionnaire: Uuid,
    confidence: f64,
) -> Option<Alpha> {
    let rows = scores(vectors, items, versions, questionnaire);
    let complete = vectors.iter().zip(&rows).filter(|(_, row)| row.iter().all(Option::is_some));
    let (n, anonymous) =
        complete.fold((0, false), |(n, any), (vector, _)| (n + 1, any || vector.anonymous));
    if anonymous && n < RESPONDENTS_MIN {
        return None;
    }
    alpha(&rows, confidence).ok()
}

/// Scores of the items of each response, by its own version's table; `None` without a grade.
pub fn scores(
    vectors: &[Vector],
    items: &[String],
    versions: &Versions,
    questionnaire: Uuid,
) -> Vec<Vec<Option<f64>>> {
    let score = |vector: &Vector, item: &String| {
        let Some(Answer::Grade(grade)) = vector.answers.get(item) else { return None };
        let definition = versions.get(&(questionnaire, vector.version))?.item(item)?;
        let meaning = definition.grades.iter().find(|(value, _)| *value == grade.value());
        meaning.map(|(_, meaning)| meaning.score)
    };
    vectors.iter().map(|vector| items.iter().map(|item| score(vector, item)).collect()).collect()
}
