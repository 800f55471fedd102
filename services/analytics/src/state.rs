//! What handlers of stored objects share.

use kit::{
    auth::Caller, clock::SharedClock, db::Db, error::Result, feed::Outbox, page::PageTokens,
};
use uuid::Uuid;

use crate::{
    answers::AnswerFigures, figures::Figures, freshness::Freshness, indices::Indices,
    outcomes::Outcomes,
};

pub use kit::name::id;

/// The parts.
pub struct App {
    /// The service's own database.
    pub db: Db,
    /// Time.
    pub clock: SharedClock,
    /// The feed of alerts.
    pub outbox: Outbox,
    /// Page tokens.
    pub pages: PageTokens,
    /// Figures of ratings.
    pub figures: Figures,
    /// Figures of answers.
    pub answers: AnswerFigures,
    /// Computes indices.
    pub indices: Indices,
    /// How far the feed of ratings is counted.
    pub ratings: Freshness,
    /// Counts of persons and single services, from those who know them.
    pub outcomes: Outcomes,
}

/// Units of which a list shows objects; `None` for the whole organisation.
///
/// # Errors
/// As [`Caller::visible`].
pub fn shown(caller: &Caller) -> Result<Option<Vec<Uuid>>> {
    let visible = caller.visible()?;
    Ok(if visible.is_all() { None } else { Some(visible.units()) })
}
