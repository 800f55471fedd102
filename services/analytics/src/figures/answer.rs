//! What a question is answered with.

use std::{collections::HashMap, sync::Arc};

use analytics_domain::{
    answer::Joined,
    figure::{Differences, Figure, Templates},
    intervals::MeanEstimate,
    period::Period,
};
use uuid::Uuid;

use super::fold::Key;
use crate::freshness::Mark;

/// One group.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which group.
    pub key: Key,
    /// Its figures.
    pub figure: Figure,
    /// What it is compared with.
    pub earlier: Option<Earlier>,
    /// Responses and answers, of questionnaires.
    pub answers: Option<AnswerCounts>,
    /// Mean of numbers, where all that were answered belong to one item.
    pub numbers: Option<MeanEstimate>,
    /// Hidden because too few people stand behind it.
    pub suppressed: bool,
}

/// How many responses and answers stand behind a row of questionnaires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AnswerCounts {
    /// Responses; where an item was asked for, those that came to it.
    pub responses: u64,
    /// Answers that count; of an option, those that chose it.
    pub answers: u64,
    /// "Does not apply".
    pub not_applicable: u64,
    /// "Prefer not to say".
    pub refused: u64,
}

/// The earlier self of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// From, microseconds.
    pub from_us: i64,
    /// To, microseconds.
    pub to_us: i64,
    /// Its figures.
    pub figure: Figure,
    /// Now minus then.
    pub differences: Differences,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Groups, in the order of their keys.
    pub rows: Vec<Row>,
    /// All together.
    pub total: Row,
    /// How far the feed is counted.
    pub mark: Mark,
    /// The period asked for.
    pub period: Period,
    /// Name of the zone; empty when sites of several zones count their own days.
    pub zone: String,
    /// Hash of the definitions used.
    pub definition: String,
    /// The definitions.
    pub templates: Arc<Templates>,
    /// Versions of questionnaires that were counted together.
    pub joined: Vec<Joined>,
    /// Names of customer classes, for showing.
    pub classes: HashMap<Uuid, String>,
}
