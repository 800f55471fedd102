//! Where each leaf finds its sums, and what its value is.

use std::collections::HashMap;

use analytics_domain::{
    answer::Item,
    fact::{GRADES_PER_BLOCK, Grade},
    figure::Templates,
    index::{
        bootstrap::Source,
        check::Tree,
        definition::{Definition, Leaf, Measure, ServiceFigure, Statistic},
        leaf::{self, Moments, Value},
    },
    suppression::RESPONDENTS_MIN,
    template::Meaning,
};
use uuid::Uuid;

use super::{Asked, reading::Sums};
use crate::store::questionnaires::Versions;

/// Scores in billionths of a row of eleven grades; `None` for grades that do not count.
pub type Scores = [Option<i64>; GRADES_PER_BLOCK];

/// Questionnaire, version, item and block of grades.
type Question = (Uuid, i32, String, i16);

/// Sums of all leaves of one row lie side by side; each leaf has some of them.
pub struct Layout {
    /// Leaf by place in the tree's list of leaves.
    pub leaves: Vec<Placed>,
    /// Number of sums of a row.
    pub width: usize,
    /// Customer classes with their weights; empty when every answer counts the same.
    classes: Vec<(Uuid, f64)>,
    ratings: HashMap<(Uuid, String, i16), Vec<(usize, Scores)>>,
    questions: HashMap<Question, Vec<(usize, Scores)>>,
}

/// A leaf with its first sum.
pub struct Placed {
    leaf: Leaf,
    first: usize,
}

impl Layout {
    /// Of a checked definition, with what grades mean.
    pub fn of(
        definition: &Definition,
        tree: &Tree,
        templates: &Templates,
        versions: &Versions,
    ) -> Self {
        let classes = definition.class_weights.clone();
        let per_side = classes.len().max(1);
        let (mut leaves, mut width) = (Vec::new(), 0);
        for node in &tree.leaves {
            let Some(leaf) = definition.nodes[*node].leaf.clone() else { continue };
            let first = width;
            width += match &leaf.measure {
                Measure::Question { statistic: Statistic::Csd, .. } => 2 * per_side,
                Measure::Question { .. } => per_side,
                Measure::Rating { .. } | Measure::Figure { .. } => 1,
            };
            leaves.push(Placed { leaf, first });
        }
        let (ratings, questions) = (HashMap::new(), HashMap::new());
        let mut layout = Self { leaves, width, classes, ratings, questions };
        layout.find_ratings(templates);
        layout.find_questions(versions);
        layout
    }

    fn find_ratings(&mut self, templates: &Templates) {
        for placed in &self.leaves {
            let Measure::Rating { templates: wanted, item, statistic } = &placed.leaf.measure
            else {
                continue;
            };
            for template in templates.values() {
                if !wanted.is_empty() && !wanted.contains(&template.id) {
                    continue;
                }
                // Cells know the overall item by its place.
                let overall = item.is_empty() || template.items.first() == Some(item);
                if !overall && !template.items.contains(item) {
                    continue;
                }
                let item = if overall { String::new() } else { item.clone() };
                for block in 0..Grade::BLOCKS {
                    let scores =
                        scores(&placed.leaf, *statistic, block, |grade| template.meaning(grade));
                    if let Some(scores) = scores {
                        let key = (template.id, item.clone(), block);
                        self.ratings.entry(key).or_default().push((placed.first, scores));
                    }
                }
            }
        }
    }

    fn find_questions(&mut self, versions: &Versions) {
        let per_side = self.classes.len().max(1);
        for placed in &self.leaves {
            let Measure::Question { questionnaire, item, statistic } = &placed.leaf.measure else {
                continue;
            };
            let sides = match statistic {
                Statistic::Csd => vec![
                    (placed.first, format!("{item}/perceived")),
                    (placed.first + per_side, format!("{item}/expected")),
                ],
                _ => vec![(placed.first, item.clone())],
            };
            for ((of, version), definition) in versions {
                for (first, id) in sides.iter().filter(|_| of == questionnaire) {
                    let Some(item) = definition.item(id) else { continue };
                    for block in 0..Grade::BLOCKS {
                        let scores =
                            scores(&placed.leaf, *statistic, block, |grade| meaning(item, grade));
                        if let Some(scores) = scores {
                            let key = (*of, *version, id.clone(), block);
                            self.questions.entry(key).or_default().push((*first, scores));
                        }
                    }
                }
            }
        }
    }

    /// Sums that a row of cells of ratings adds to.
    pub fn of_rating(&self, template: Uuid, item: &str, block: i16) -> &[(usize, Scores)] {
        // The key is built once for each row read, which is cheaper than a nested map.
        let found = self.ratings.get(&(template, item.to_owned(), block));
        found.map_or(&[], Vec::as_slice)
    }

    /// Sums that a row of cells of answers adds to, before the class is added.
    pub fn of_question(
        &self,
        questionnaire: Uuid,
        version: i32,
        item: &str,
        block: i16,
    ) -> &[(usize, Scores)] {
        let found = self.questions.get(&(questionnaire, version, item.to_owned(), block));
        found.map_or(&[], Vec::as_slice)
    }

    /// Place of a class among the sums of a leaf; `None` if it does not count.
    pub fn class(&self, class: Uuid) -> Option<usize> {
        if self.classes.is_empty() {
            return Some(0);
        }
        self.classes.iter().position(|(id, weight)| *id == class && *weight > 0.0)
    }

    fn weighted<'a>(&'a self, sums: &'a [Moments]) -> Vec<(f64, Moments)> {
        let weights = self.classes.iter().map(|(_, weight)| *weight);
        let weights = weights.chain(self.classes.is_empty().then_some(1.0));
        weights.zip(sums.iter().copied()).collect()
    }

    /// Values of all leaves in all rows.
    pub fn values(&self, sums: &Sums, asked: &Asked) -> Vec<Vec<Value>> {
        let rows = sums.rows();
        let minimum = i64::from(asked.definition.minimum_n);
        let of = |placed: &Placed| {
            (0..rows).map(|row| self.value(placed, sums.of_row(row, self.width), minimum)).collect()
        };
        self.leaves.iter().map(of).collect()
    }

    fn value(&self, placed: &Placed, row: &[Moments], minimum: i64) -> Value {
        let per_side = self.classes.len().max(1);
        let side = |first: usize| &row[first..first + per_side];
        let value = match &placed.leaf.measure {
            Measure::Rating { .. } => leaf::weighted_mean(&[(1.0, row[placed.first])]),
            Measure::Question { statistic: Statistic::Csd, .. } => {
                let (perceived, expected) = (side(placed.first), side(placed.first + per_side));
                let perceived = leaf::weighted_mean(&self.weighted(perceived));
                leaf::csd(perceived, leaf::weighted_mean(&self.weighted(expected)))
            }
            Measure::Question { .. } => leaf::weighted_mean(&self.weighted(side(placed.first))),
            Measure::Figure { figure, worst, best } => {
                let sums = row[placed.first];
                let part = i64::try_from(sums.sum).unwrap_or(i64::MAX);
                match figure {
                    ServiceFigure::ServiceS | ServiceFigure::WaitingS => {
                        leaf::duration_on_line(part, sums.n, *worst, *best)
                    }
                    ServiceFigure::Coverage | ServiceFigure::PromptRate | ServiceFigure::NoShow => {
                        leaf::share_on_line(part, sums.n, *worst, *best)
                    }
                }
            }
        };
        let end = match &placed.leaf.measure {
            Measure::Question { statistic: Statistic::Csd, .. } => 2 * per_side,
            Measure::Question { .. } => per_side,
            _ => 1,
        };
        let anonymous = row[placed.first..placed.first + end].iter().any(|sums| sums.anonymous);
        let few = i64::try_from(RESPONDENTS_MIN).unwrap_or(i64::MAX);
        let hidden = anonymous && value.n > 0 && value.n < few;
        if hidden || value.n < minimum {
            let n = if hidden { 0 } else { value.n };
            return Value { value: None, variance: None, n, hidden };
        }
        value
    }

    /// What the leaves of a row are drawn from.
    pub fn sources(&self, sums: &Sums, leaves: &[Vec<Value>], row: usize) -> Vec<Source> {
        let per_side = self.classes.len().max(1);
        let of = |(placed, values): (&Placed, &Vec<Value>)| {
            let value = values[row];
            if value.value.is_none() {
                return Source::Fixed(None);
            }
            let side = |first: usize| -> Vec<(f64, Vec<(f64, i64)>)> {
                let weights = self.classes.iter().map(|(_, weight)| *weight);
                let weights = weights.chain(self.classes.is_empty().then_some(1.0));
                let places = first..first + per_side;
                weights.zip(places).map(|(w, place)| (w, sums.drawn(row, place))).collect()
            };
            match &placed.leaf.measure {
                Measure::Figure { .. } => Source::Fixed(value.value),
                Measure::Rating { .. } => {
                    Source::Scores(vec![(1.0, sums.drawn(row, placed.first))])
                }
                Measure::Question { statistic: Statistic::Csd, .. } => {
                    Source::Pair(side(placed.first), side(placed.first + per_side))
                }
                Measure::Question { .. } => Source::Scores(side(placed.first)),
            }
        };
        self.leaves.iter().zip(leaves).map(of).collect()
    }

    /// Leaves that are figures of services, with their sums.
    pub fn figures(&self) -> impl Iterator<Item = (ServiceFigure, usize)> {
        self.leaves.iter().filter_map(|placed| match &placed.leaf.measure {
            Measure::Figure { figure, .. } => Some((*figure, placed.first)),
            _ => None,
        })
    }
}

fn meaning(item: &Item, grade: Grade) -> Option<Meaning> {
    item.grades.iter().find(|(value, _)| *value == grade.value()).map(|(_, meaning)| *meaning)
}

/// Scores of a block of grades; `None` when none of them counts.
fn scores(
    leaf: &Leaf,
    statistic: Statistic,
    block: i16,
    meaning: impl Fn(Grade) -> Option<Meaning>,
) -> Option<Scores> {
    let mut found = [None; GRADES_PER_BLOCK];
    for (index, place) in found.iter_mut().enumerate() {
        let Some(grade) = Grade::at(block, index) else { continue };
        let Some(meaning) = meaning(grade) else { continue };
        let own = leaf.scores.iter().find(|(value, _)| *value == grade.value());
        let yes = |is: bool| if is { 100.0 } else { 0.0 };
        let score = match statistic {
            Statistic::MeanScore | Statistic::Csd => own.map_or(meaning.score, |(_, s)| *s),
            Statistic::Satisfied => yes(meaning.satisfied),
            Statistic::NotBad => yes(!meaning.bad),
        };
        *place = Some(leaf::nano(score));
    }
    found.iter().any(Option::is_some).then_some(found)
}
