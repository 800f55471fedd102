//! Importance-performance analysis: four quadrants.

use serde::Serialize;

use crate::measures::named::Named;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::Moments;

/// A value this little below the cut is on it.
const ON_THE_CUT: f64 = 1e-12;

/// What is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Name of the item.
    pub id: String,
    /// How important it is.
    pub importance: Option<f64>,
    /// How well it is done.
    pub performance: Option<f64>,
}

/// Where the quadrants meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// At the means of the items that have both values.
    Mean,
    /// At given values.
    Value {
        /// Importance from which on an item is important.
        importance: f64,
        /// Performance from which on an item is done well.
        performance: f64,
    },
}

/// What to do about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrant {
    /// Important and done well.
    KeepUp,
    /// Important and done badly: the first to improve.
    ConcentrateHere,
    /// Neither important nor done well.
    LowPriority,
    /// Done well though it is not important.
    PossibleOverkill,
}

/// The quadrant of each item, by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quadrants {
    /// Where importance is cut.
    pub cut_importance: Option<f64>,
    /// Where performance is cut.
    pub cut_performance: Option<f64>,
    /// `None` for an item that lacks a value.
    pub quadrants: Named<Option<Quadrant>>,
    /// Importance - performance: the larger, the sooner to be dealt with.
    pub gap: Named<Option<f64>>,
    /// `no_data` when no item has both values, or for the items that lack one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Puts items into the quadrants of importance and performance. A value on the cut, within
/// 1e-12, is high.
///
/// Formula: high importance and high performance: keep up; high and low: concentrate here; low
/// and low: low priority; low and high: possible overkill.
///
/// Source: Martilla & James (1977).
///
/// Edge cases: an item that lacks a value has no quadrant and no gap; when no item has both,
/// the cuts at the means are missing with `no_data`.
///
/// Errors: two items of one name.
pub fn quadrants(items: &[Item], cut: Cut) -> Result<Quadrants> {
    let mut names: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let i = items.iter().rposition(|item| item.id == pair[0]).unwrap_or_default();
        return Err(Invalid::new(format!("items[{i}].id"), "must differ from other items"));
    }
    let complete = |item: &Item| Some((item.importance?, item.performance?));
    let values: Vec<Option<(f64, f64)>> = items.iter().map(complete).collect();
    let (importance, performance): (Vec<f64>, Vec<f64>) = values.iter().flatten().copied().unzip();
    let cuts = match cut {
        Cut::Value { importance, performance } => Some((importance, performance)),
        Cut::Mean => (!importance.is_empty())
            .then(|| (Moments::of(&importance).mean, Moments::of(&performance).mean)),
    };
    let quadrant = |value: &Option<(f64, f64)>| {
        let ((importance, performance), cuts) = ((*value)?, cuts?);
        let high = |value: f64, cut: f64| value >= cut - ON_THE_CUT * cut.abs().max(1.0);
        Some(match (high(importance, cuts.0), high(performance, cuts.1)) {
            (true, true) => Quadrant::KeepUp,
            (true, false) => Quadrant::ConcentrateHere,
            (false, false) => Quadrant::LowPriority,
            (false, true) => Quadrant::PossibleOverkill,
        })
    };
    let ids = || items.iter().map(|item| &item.id);
    let missing = cuts.is_none() || values.iter().any(Option::is_none);
    Ok(Quadrants {
        cut_importance: cuts.map(|(importance, _)| importance),
        cut_performance: cuts.map(|(_, performance)| performance),
        quadrants: Named::of(ids(), values.iter().map(quadrant)),
        gap: Named::of(ids(), values.iter().map(|v| v.map(|(i, p)| i - p))),
        reason: missing.then_some(Reason::NoData),
    })
}
