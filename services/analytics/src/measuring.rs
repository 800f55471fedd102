//! One measure of many units, or of staff: the index machinery with a single leaf.

use std::sync::Arc;

use analytics_domain::index::{
    check,
    definition::{
        ALPHA_MINIMUM_DEFAULT, Definition, Filter, Leaf, Measure, Method, Node, ServiceFigure,
        Statistic, Weighting,
    },
    leaf::Value,
    periods::{Kind, Periods},
};
use kit::{
    directory::OrgView,
    error::{Result, ServiceError},
};
use uuid::Uuid;

use crate::{
    indices::{Asked, Indices},
    store::{placements::Tree, sums::too_many},
};

/// What is measured, of whom and when.
#[derive(Debug, Clone)]
pub struct Measuring {
    /// What.
    pub leaf: Leaf,
    /// Units, or staff, each once.
    pub units: Vec<Uuid>,
    /// The unit whose staff they are, if they are staff.
    pub staff_of: Option<Uuid>,
    /// First local day and the one after the last.
    pub days: (i32, i32),
    /// Whether each day counts by itself.
    pub by_day: bool,
    /// Also distrusted ratings and suspect responses.
    pub include_distrusted: bool,
}

/// What was measured.
pub struct Measured {
    /// By unit, then day.
    pub values: Vec<Value>,
    /// Positions of both feeds.
    pub watermark: String,
}

impl Indices {
    /// Measures.
    ///
    /// # Errors
    /// INVALID_FIELD for a measure that makes no sense, TOO_MANY_BUCKETS for too many rows.
    pub async fn measure(&self, view: &OrgView, measuring: &Measuring) -> Result<Measured> {
        let node = |id: &str, parent: &str, leaf: Option<Leaf>| Node {
            id: id.to_owned(),
            parent: parent.to_owned(),
            title: Default::default(),
            leaf,
        };
        let weighting = Weighting {
            id: "only".to_owned(),
            method: Method::Equal,
            weights: Vec::new(),
            judgements: Vec::new(),
            evidence: String::new(),
            node_methods: Vec::new(),
        };
        let filter =
            Filter { include_distrusted: measuring.include_distrusted, ..Filter::default() };
        let definition = Definition {
            title: Default::default(),
            nodes: vec![node("root", "", None), node("leaf", "root", Some(measuring.leaf.clone()))],
            weightings: vec![weighting],
            class_weights: Vec::new(),
            filter,
            minimum_n: 1,
            alpha_minimum: ALPHA_MINIMUM_DEFAULT,
        };
        let tree = check::check(&definition).map_err(|problems| {
            let text = problems.first().map_or_else(String::new, |problem| problem.text.clone());
            ServiceError::invalid("measure", text)
        })?;
        let kind = if measuring.by_day { Kind::Day } else { Kind::Whole };
        let periods = Periods::cut(kind, measuring.days, 400).ok_or_else(too_many)?;
        let asked = Asked {
            definition: Arc::new(definition),
            tree: Arc::new(tree),
            units: measuring.units.clone(),
            staff_of: measuring.staff_of,
            days: measuring.days,
            periods,
            confidence: 0.95,
            resamples: 0,
            seed: 0,
            units_tree: Tree::AsOfService,
        };
        let outcome = self.run(view, &asked).await?;
        let watermark = outcome.watermark();
        Ok(Measured { values: outcome.rows.into_iter().map(|row| row.value).collect(), watermark })
    }
}

/// Whether a leaf is a share of its answers.
pub fn is_share(leaf: &Leaf) -> bool {
    match &leaf.measure {
        Measure::Rating { statistic, .. } | Measure::Question { statistic, .. } => {
            matches!(statistic, Statistic::Satisfied | Statistic::NotBad)
        }
        Measure::Figure { figure, worst, best } => {
            let share = !matches!(figure, ServiceFigure::ServiceS | ServiceFigure::WaitingS);
            share && *worst == 0.0 && *best == 100.0
        }
    }
}

/// Successes and size of a share.
pub fn share(value: &Value) -> (u64, u64) {
    let n = u64::try_from(value.n).unwrap_or_default();
    let successes = value.value.map_or(0.0, |value| value / 100.0 * n as f64).round();
    // Within 0..=n by construction.
    ((successes as u64).min(n), n)
}
