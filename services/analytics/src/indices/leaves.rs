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
        dependence::Shared,
        leaf::{self, Moments, Value},
    },
    template::Meaning,
};
use uuid::Uuid;

use super::{Asked, hiding, sheets::Respondents, sums::Sums, targets::Nesting};
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
    /// Which leaves come from the same people.
    pub shared: Shared,
    ratings: HashMap<(Uuid, String, i16), Vec<(usize, Scores)>>,
    questions: HashMap<Question, Vec<(usize, Scores)>>,
}

/// A leaf with its first sum.
pub struct Placed {
    /// What it measures.
    pub leaf: Leaf,
    /// Place of its first sum.
    pub first: usize,
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
        let shared = Shared::of(definition, tree);
        let mut layout = Self { leaves, width, classes, shared, ratings, questions };
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

    /// Whether of ratings only overall items are counted.
    pub fn is_overall(&self) -> bool {
        self.ratings.keys().all(|(_, item, _)| item.is_empty())
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

    /// Weights of the classes; one weight where every answer counts the same.
    pub fn class_weights(&self) -> Vec<f64> {
        if self.classes.is_empty() {
            return vec![1.0];
        }
        self.classes.iter().map(|(_, weight)| *weight).collect()
    }

    fn weighted(&self, sums: &[Moments]) -> Vec<(f64, Moments)> {
        self.class_weights().into_iter().zip(sums.iter().copied()).collect()
    }

    /// Values of all leaves in all rows, without those that have to be hidden or have too few
    /// answers.
    pub fn values(&self, sums: &Sums, asked: &Asked, nesting: &Nesting) -> Vec<Vec<Value>> {
        let minimum = i64::from(asked.definition.minimum_n);
        let periods = asked.periods.days.len();
        let of = |placed: &Placed| {
            let hidden = self.hidden(placed, sums, periods, nesting);
            let shown = |row: usize| {
                let value = self.value(placed, sums.of_row(row));
                let hidden = hidden.as_ref().is_some_and(|hidden| hidden[row]);
                if hidden || value.n < minimum {
                    let n = if hidden { 0 } else { value.n };
                    return Value { value: None, variance: None, n, hidden };
                }
                value
            };
            (0..sums.rows()).map(shown).collect()
        };
        self.leaves.iter().map(of).collect()
    }

    /// Which rows of a leaf have to be hidden; `None` when nobody was promised anonymity.
    fn hidden(
        &self,
        placed: &Placed,
        sums: &Sums,
        periods: usize,
        nesting: &Nesting,
    ) -> Option<Vec<bool>> {
        let per_side = self.classes.len().max(1);
        let sides = match &placed.leaf.measure {
            Measure::Question { statistic: Statistic::Csd, .. } => 2,
            Measure::Question { .. } => 1,
            _ => return None,
        };
        let mut all: Option<Vec<bool>> = None;
        for side in 0..sides {
            let first = placed.first + side * per_side;
            let of_row = |row: usize| hiding::group(&sums.of_row(row)[first..first + per_side]);
            let Some(hidden) = hiding::hide(sums.rows(), periods, nesting, of_row) else {
                continue;
            };
            match &mut all {
                None => all = Some(hidden),
                Some(all) => all.iter_mut().zip(hidden).for_each(|(a, b)| *a |= b),
            }
        }
        all
    }

    fn value(&self, placed: &Placed, row: &[Moments]) -> Value {
        let per_side = self.classes.len().max(1);
        let side =
            |first: usize| leaf::weighted_mean(&self.weighted(&row[first..first + per_side]));
        match &placed.leaf.measure {
            Measure::Rating { .. } => leaf::weighted_mean(&[(1.0, row[placed.first])]),
            Measure::Question { statistic: Statistic::Csd, .. } => {
                leaf::csd(side(placed.first), side(placed.first + per_side))
            }
            Measure::Question { .. } => side(placed.first),
            Measure::Figure { figure, worst, best } => {
                let sums = row[placed.first];
                let part = i64::try_from(sums.sum).unwrap_or(i64::MAX);
                if is_duration(*figure) {
                    leaf::duration_on_line(part, sums.n, *worst, *best)
                } else {
                    leaf::share_on_line(part, sums.n, *worst, *best)
                }
            }
        }
    }

    /// What the leaves of a row are drawn from. `values` are those of the leaves in the row.
    pub fn sources(
        &self,
        sums: &Sums,
        values: &[Value],
        row: usize,
        respondents: &Respondents,
    ) -> Vec<Source> {
        let leaves = self.leaves.iter().zip(values).enumerate();
        leaves
            .map(|(place, (placed, value))| match value.value {
                None => Source::Fixed(None),
                Some(value) => self.source(place, placed, sums, row, respondents, value),
            })
            .collect()
    }

    fn source(
        &self,
        place: usize,
        placed: &Placed,
        sums: &Sums,
        row: usize,
        respondents: &Respondents,
        value: f64,
    ) -> Source {
        let per_side = self.classes.len().max(1);
        let side = |first: usize| -> Vec<(f64, Vec<(f64, i64)>)> {
            let places = first..first + per_side;
            let weights = self.class_weights().into_iter();
            weights.zip(places).map(|(w, place)| (w, sums.drawn(row, place))).collect()
        };
        let stream = self.shared.of[place].unwrap_or(self.shared.count + place) as u64;
        let first = placed.first;
        match &placed.leaf.measure {
            Measure::Figure { figure, worst, best } => {
                let figures = sums.of_row(row)[first];
                if is_duration(*figure) {
                    return Source::Fixed(Some(value));
                }
                let whole = figures.n;
                let part = i64::try_from(figures.sum).unwrap_or(i64::MAX).clamp(0, whole);
                Source::Share { part, whole, worst: *worst, best: *best, stream }
            }
            Measure::Rating { .. } => {
                Source::Scores { classes: vec![(1.0, sums.drawn(row, first))], stream }
            }
            Measure::Question { statistic: Statistic::Csd, .. } => {
                match (respondents.column(first), respondents.column(first + per_side)) {
                    (Some((sheets, perceived)), Some((_, expected))) => {
                        Source::Columns { sheets, columns: [perceived, expected] }
                    }
                    _ => Source::Pair([side(first), side(first + per_side)], stream),
                }
            }
            Measure::Question { .. } => match respondents.column(first) {
                Some((sheets, column)) => Source::Column { sheets, column },
                None => Source::Scores { classes: side(first), stream },
            },
        }
    }

    /// Whether a mean duration is among the values of a row: nothing says how it spreads.
    pub fn has_duration(&self, values: &[Value]) -> bool {
        self.leaves.iter().zip(values).any(|(placed, value)| {
            let duration = match &placed.leaf.measure {
                Measure::Figure { figure, .. } => is_duration(*figure),
                _ => false,
            };
            duration && value.value.is_some()
        })
    }

    /// Whether values of a row rest on counts of the same people, of which it is not known how
    /// they go together. `respondents` are known whole.
    pub fn is_bounded(&self, values: &[Value], respondents: &Respondents) -> bool {
        let mut seen = vec![0; self.shared.count];
        for ((placed, value), source) in self.leaves.iter().zip(values).zip(&self.shared.of) {
            let whole = respondents.column(placed.first).is_some();
            if let (Some(source), Some(_), false) = (source, value.value, whole) {
                seen[*source] += 1;
            }
        }
        seen.iter().any(|leaves| *leaves > 1)
    }

    /// Leaves that are figures of services, with their sums.
    pub fn figures(&self) -> impl Iterator<Item = (ServiceFigure, usize)> {
        self.leaves.iter().filter_map(|placed| match &placed.leaf.measure {
            Measure::Figure { figure, .. } => Some((*figure, placed.first)),
            _ => None,
        })
    }
}

fn is_duration(figure: ServiceFigure) -> bool {
    matches!(figure, ServiceFigure::ServiceS | ServiceFigure::WaitingS)
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
