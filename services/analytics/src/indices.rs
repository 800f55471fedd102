//! Computes indices from roll-ups: reads the cells of all units and periods at once, folds them
//! into sums per leaf, and computes in memory. Knows nothing of requests and callers.

mod answers;
mod hiding;
mod leaves;
mod packed;
mod reading;
mod reliability;
mod sheets;
mod sums;
mod targets;

use std::sync::Arc;

use analytics_domain::{
    answer::Joined,
    index::{
        bootstrap,
        check::Tree,
        compute::{self, Computed},
        definition::{Definition, Weighting},
        leaf::Value,
        periods::Periods,
        weights,
    },
};
use kit::{db::Db, directory::OrgView, error::Result};
use uuid::Uuid;

pub use answers::{Read, Wanted};
pub use reliability::{Block, of_items, scores};

use crate::{
    computing,
    figures::Slots,
    freshness::{Freshness, Mark},
    store::{placements, questionnaires, snapshot, templates},
};
use leaves::Layout;
use sheets::Respondents;
use sums::Sums;
pub use targets::Targets;

/// Most rows of a run.
pub const ROWS_MAX: usize = 60_000;
/// Most values of leaves in a run: rows × leaves.
pub const VALUES_MAX: usize = 5_000_000;
/// Most draws of a bootstrap: rows × leaves × resamples.
pub const DRAWS_MAX: usize = 20_000_000;

/// What is asked of a definition.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The definition.
    pub definition: Arc<Definition>,
    /// Its tree.
    pub tree: Arc<Tree>,
    /// Units, or members of staff, each once.
    pub units: Vec<Uuid>,
    /// The unit whose staff they are, if they are staff.
    pub staff_of: Option<Uuid>,
    /// First local day and the one after the last.
    pub days: (i32, i32),
    /// How they are cut.
    pub periods: Periods,
    /// Confidence of intervals.
    pub confidence: f64,
    /// Resamples of the bootstrap; 0 for none.
    pub resamples: usize,
    /// Its seed.
    pub seed: u64,
    /// Which tree of units decides what belongs to them.
    pub units_tree: placements::Tree,
}

/// A row of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Unit.
    pub unit: Uuid,
    /// Place of the period.
    pub period: usize,
    /// The root.
    pub value: Value,
    /// Its interval.
    pub interval: Option<(f64, f64)>,
    /// Whether that was found by bootstrap.
    pub by_bootstrap: bool,
    /// Share of the weight with enough answers.
    pub weight_covered: f64,
    /// Rated ÷ served.
    pub coverage: Option<f64>,
    /// Whether anything was hidden.
    pub hidden: bool,
    /// Whether the interval is an upper bound, because it is not known how answers of the same
    /// people go together.
    pub bounded: bool,
    /// Whether the interval takes mean durations for exact.
    pub durations_fixed: bool,
}

/// What was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Rows by unit, then period.
    pub rows: Vec<Row>,
    /// Values of all nodes in all rows.
    pub computed: Computed,
    /// Weight of each node among its siblings, as used; 1 for the root.
    pub weights: Vec<f64>,
    /// Reliability of blocks of questions.
    pub blocks: Vec<Block>,
    /// Versions that were counted together.
    pub joined: Vec<Joined>,
    /// How far both feeds are counted: ratings, answers.
    pub marks: [Mark; 2],
}

impl Outcome {
    /// Positions of both feeds in one text.
    pub fn watermark(&self) -> String {
        let [ratings, answers] = &self.marks;
        format!("device={} survey={}", ratings.position, answers.position)
    }

    /// Everything committed before this moment is counted, microseconds.
    pub fn as_of_us(&self) -> i64 {
        self.marks[0].as_of_us.min(self.marks[1].as_of_us)
    }
}

/// Computes indices. Cheap to clone.
#[derive(Clone)]
pub struct Indices {
    db: Db,
    placements: Arc<placements::Cache>,
    ratings: Freshness,
    answers: Freshness,
    slots: Slots,
}

impl Indices {
    /// Reads from `db`.
    pub fn new(
        db: Db,
        placements: Arc<placements::Cache>,
        ratings: Freshness,
        answers: Freshness,
        slots: Slots,
    ) -> Self {
        Self { db, placements, ratings, answers, slots }
    }

    /// Computes the index of the definition's own weighting.
    ///
    /// # Errors
    /// TOO_MANY_BUCKETS when more must be read than is sensible, OVERLOADED when too much is
    /// asked at once.
    pub async fn run(&self, view: &OrgView, asked: &Asked) -> Result<Outcome> {
        let _slot = self.slots.enter().await?;
        let gathered = self.gather(view, asked).await?;
        let asked = asked.clone();
        computing::compute(move || gathered.outcome(&asked)).await
    }

    /// Values of the root of each row under each weighting, with the weights used, and the
    /// watermark.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn by_weighting(&self, view: &OrgView, asked: &Asked) -> Result<Side> {
        let _slot = self.slots.enter().await?;
        let gathered = self.gather(view, asked).await?;
        let one = |weighting: &Weighting| {
            let computed = gathered.compute(asked, weighting, gathered.leaves.clone());
            let roots = computed.values[asked.tree.root].iter().map(|v| v.value).collect();
            (roots, used_weights(&asked.tree, &computed))
        };
        let weightings = asked.definition.weightings.iter().map(one).collect();
        let [ratings, answers] = &gathered.marks;
        let watermark = format!("device={} survey={}", ratings.position, answers.position);
        Ok(Side { weightings, watermark })
    }

    async fn gather(&self, view: &OrgView, asked: &Asked) -> Result<Gathered> {
        let snapshot = snapshot(&self.db).await?;
        let conn = snapshot.conn();
        let placed = self.placements.get(conn, view.id).await?;
        let targets = match asked.staff_of {
            Some(unit) => {
                Targets::of_staff(view, &placed, asked.units_tree, unit, &asked.units, asked.days)
            }
            None => Targets::of(view, &placed, asked.units_tree, &asked.units, asked.days),
        };
        let marks = [self.ratings.mark(conn).await?, self.answers.mark(conn).await?];
        let templates = templates::load(conn, view.id).await?;
        let versions = questionnaires::load(conn, view.id).await?;
        let layout = Layout::of(&asked.definition, &asked.tree, &templates, &versions);
        let mut sums = Sums::new(asked, &layout, targets.len());
        reading::answers(conn, view, asked, &targets, &layout, &mut sums).await?;
        reading::ratings(conn, view, asked, &targets, &layout, &mut sums).await?;
        let respondents = Respondents::read(conn, view.id, asked, &targets, &layout).await?;
        let blocks = reliability::blocks(conn, view, asked, &targets, &versions).await?;
        snapshot.end().await?;
        let find = |questionnaire, version| versions.get(&(questionnaire, version));
        let joined = analytics_domain::answer::joined(sums.counted(), find);
        let leaves = layout.values(&sums, asked, &targets.nesting);
        sums.release();
        Ok(Gathered { leaves, layout, sums, respondents, blocks, joined, marks })
    }
}

/// The weightings of a definition side by side.
pub struct Side {
    /// Per weighting: the root of each row, and the weight of each node among its siblings.
    pub weightings: Vec<(Vec<Option<f64>>, Vec<f64>)>,
    /// Positions of both feeds.
    pub watermark: String,
}

/// Everything that was read.
struct Gathered {
    leaves: Vec<Vec<Value>>,
    layout: Layout,
    sums: Sums,
    respondents: Respondents,
    blocks: Vec<Block>,
    joined: Vec<Joined>,
    marks: [Mark; 2],
}

impl Gathered {
    fn compute(&self, asked: &Asked, weighting: &Weighting, leaves: Vec<Vec<Value>>) -> Computed {
        let weighted = weights::of(&asked.definition, &asked.tree, weighting);
        compute::compute(&asked.tree, &weighted, &self.layout.shared, leaves)
    }

    fn outcome(mut self, asked: &Asked) -> Outcome {
        let leaves = std::mem::take(&mut self.leaves);
        let computed = self.compute(asked, &asked.definition.weightings[0], leaves);
        let rows = computed.values[asked.tree.root].len();
        Outcome {
            rows: (0..rows).map(|row| self.row(asked, &computed, row)).collect(),
            weights: used_weights(&asked.tree, &computed),
            computed,
            blocks: self.blocks,
            joined: self.joined,
            marks: self.marks,
        }
    }

    fn row(&self, asked: &Asked, computed: &Computed, row: usize) -> Row {
        let periods = asked.periods.days.len();
        let value = computed.values[asked.tree.root][row];
        let leaves: Vec<Value> =
            asked.tree.leaves.iter().map(|leaf| computed.values[*leaf][row]).collect();
        let drawn = self.drawn_interval(asked, computed, &leaves, row);
        let by_bootstrap = drawn.is_some();
        let nobody = Respondents::default();
        let known = if by_bootstrap { &self.respondents } else { &nobody };
        let interval = drawn.or_else(|| compute::interval(&value, asked.confidence));
        Row {
            unit: asked.units[row / periods],
            period: row % periods,
            value,
            interval,
            by_bootstrap,
            weight_covered: compute::weight_covered(&asked.tree, computed, row),
            coverage: self.sums.coverage(row),
            hidden: value.hidden,
            bounded: interval.is_some() && self.layout.is_bounded(&leaves, known),
            durations_fixed: by_bootstrap && self.layout.has_duration(&leaves),
        }
    }

    fn drawn_interval(
        &self,
        asked: &Asked,
        computed: &Computed,
        leaves: &[Value],
        row: usize,
    ) -> Option<(f64, f64)> {
        if asked.resamples == 0 {
            return None;
        }
        let sources = self.layout.sources(&self.sums, leaves, row, &self.respondents);
        let sheets = self.respondents.of_row(row, &self.layout.class_weights());
        // Each row draws from generators of its own: its unit and period are part of the seed.
        let period = u64::try_from(asked.periods.days[row % asked.periods.days.len()].0);
        let (high, low) = asked.units[row / asked.periods.days.len()].as_u64_pair();
        let seed = asked.seed ^ high ^ low.rotate_left(17) ^ period.unwrap_or_default();
        let (tree, weights) = (&asked.tree, &computed.weights);
        let draws = (asked.resamples, seed);
        bootstrap::interval(tree, weights, &sources, &sheets, draws, asked.confidence)
    }
}

fn used_weights(tree: &Tree, computed: &Computed) -> Vec<f64> {
    let mut weights = vec![0.0; tree.children.len()];
    weights[tree.root] = 1.0;
    for (children, of) in tree.children.iter().zip(&computed.weights) {
        for (child, weight) in children.iter().zip(of) {
            weights[*child] = *weight;
        }
    }
    weights
}
