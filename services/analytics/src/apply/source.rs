//! What tells the feeds apart: how a group is read, and what a rebuild forgets.

use analytics_domain::{pack::Kind, plan::Table};

use crate::{
    events::{self, Contents},
    freshness::{DEVICE, SURVEY},
    store::tables,
    survey_events,
};

/// A feed that is applied.
#[derive(Clone, Copy)]
pub struct Source {
    /// Name in the inbox and in answers.
    pub name: &'static str,
    /// Row of `apply_state` that whoever applies it locks.
    pub state: i16,
    /// Reads the packed events of a group.
    pub read: fn(&[u8]) -> Result<Contents, events::Error>,
    /// Cells that are made from it, and from nothing else.
    pub tables: &'static [Table],
    /// Packs that are made from it, and from nothing else.
    pub packs: &'static [Kind],
    /// Whether the vectors of answers are made from it.
    pub has_vectors: bool,
}

impl Source {
    /// Ratings and encounters.
    pub const RATINGS: Self = Self {
        name: DEVICE,
        state: 1,
        read: events::read,
        tables: &tables::RATINGS,
        packs: &[Kind::Months, Kind::Days, Kind::Years],
        has_vectors: false,
    };
    /// Answers to questionnaires.
    pub const ANSWERS: Self = Self {
        name: SURVEY,
        state: 2,
        read: survey_events::read,
        tables: &tables::OF_ANSWERS,
        packs: &[Kind::Answers],
        has_vectors: true,
    };
}
