//! The definition of an index: a tree whose leaves measure something, and weightings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Fewest answers of a leaf when the definition names none.
pub const MINIMUM_N_DEFAULT: u32 = 10;
/// α below which a block needs an override when the definition names none.
pub const ALPHA_MINIMUM_DEFAULT: f64 = 0.75;

/// A definition. Never changes once it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Title by language tag.
    pub title: BTreeMap<String, String>,
    /// Nodes in the order given.
    pub nodes: Vec<Node>,
    /// Weightings; the first is the index's own.
    pub weightings: Vec<Weighting>,
    /// Weights of customer classes, nil for none; empty counts every answer the same.
    pub class_weights: Vec<(Uuid, f64)>,
    /// What is counted.
    pub filter: Filter,
    /// Fewest answers of a leaf.
    pub minimum_n: u32,
    /// α below which a block needs an override to be published.
    pub alpha_minimum: f64,
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Id within the definition.
    pub id: String,
    /// Id of the parent; empty for the root.
    pub parent: String,
    /// Title by language tag.
    pub title: BTreeMap<String, String>,
    /// What it measures, if it is a leaf.
    pub leaf: Option<Leaf>,
}

/// What a leaf measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// What.
    pub measure: Measure,
    /// Scores 0–100 of grades in place of those of the source.
    pub scores: Vec<(i32, f64)>,
}

/// The sources of leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// An item of device templates.
    Rating {
        /// Templates; none means all.
        templates: Vec<Uuid>,
        /// Code of the item; empty means the overall item.
        item: String,
        /// Statistic.
        statistic: Statistic,
    },
    /// An item of a questionnaire.
    Question {
        /// Questionnaire.
        questionnaire: Uuid,
        /// Id of the item.
        item: String,
        /// Statistic.
        statistic: Statistic,
    },
    /// A figure of services on a straight line from `worst` to `best`.
    Figure {
        /// Which.
        figure: ServiceFigure,
        /// Value that is worth 0.
        worst: f64,
        /// Value that is worth 100.
        best: f64,
    },
}

/// What is made of grades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Mean score.
    MeanScore,
    /// Share of satisfied grades times 100.
    Satisfied,
    /// 100 minus the share of bad grades times 100.
    NotBad,
    /// Perceived ÷ expected mean score times 100, at most 100.
    Csd,
}

/// Figures of services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceFigure {
    /// Rated ÷ served times 100.
    Coverage,
    /// Asked ÷ served times 100.
    PromptRate,
    /// Mean service time in seconds.
    ServiceS,
    /// Mean waiting time in seconds.
    WaitingS,
    /// Customers who did not come ÷ all called times 100.
    NoShow,
}

/// How weights are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Given.
    Direct,
    /// Judgements.
    Ahp,
    /// Entropy of the values in each run.
    Entropy,
    /// Correlation with the siblings in each run.
    Derived,
    /// All the same.
    Equal,
}

/// Weights for all nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weighting {
    /// Id within the definition.
    pub id: String,
    /// Method.
    pub method: Method,
    /// Weight of each node but the root, of DIRECT.
    pub weights: Vec<(String, f64)>,
    /// Judgements, of AHP.
    pub judgements: Vec<Judgement>,
    /// Where the weights come from.
    pub evidence: String,
    /// Nodes whose children are weighted otherwise. Not written when there are none, so that
    /// definitions without them keep their hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_methods: Vec<NodeMethod>,
}

impl Weighting {
    /// How the children of a node are weighted.
    pub fn method_of(&self, node: &str) -> Method {
        let own = self.node_methods.iter().find(|own| own.node == node);
        own.map_or(self.method, |own| own.method)
    }
}

/// How the children of one node are weighted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeMethod {
    /// The node.
    pub node: String,
    /// Method.
    pub method: Method,
    /// Where its weights come from.
    pub evidence: String,
}

/// Judgements of the children of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The node.
    pub node: String,
    /// Children in the order of the judgements.
    pub children: Vec<String>,
    /// Upper triangle, row by row.
    pub ratios: Vec<f64>,
}

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// Also distrusted ratings and suspect responses.
    pub include_distrusted: bool,
    /// Only these channels of questionnaires, by number, if any.
    pub channels: Vec<i16>,
    /// Only these campaigns, if any.
    pub campaigns: Vec<Uuid>,
}

/// What is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON path of the field within the definition, such as `nodes[3].parent`.
    pub field: String,
    /// What is wrong.
    pub text: String,
}

impl Problem {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into() }
    }
}
