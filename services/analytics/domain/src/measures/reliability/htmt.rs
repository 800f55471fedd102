//! Discriminant validity of blocks of items.

use serde::Serialize;

use crate::measures::covariance::{Covariances, check_work};
use crate::measures::reason::{Invalid, Reason, Result};

/// More items than this are beyond any questionnaire.
const ITEMS_MAX: usize = 1000;

/// Answers, item by item.
type Columns<'a> = Vec<&'a [Option<f64>]>;

/// Items that are meant to measure one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Name of the block.
    pub id: String,
    /// Names of its columns.
    pub items: Vec<String>,
}

/// A pair of blocks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Name of the first block.
    pub a: String,
    /// Name of the second block.
    pub b: String,
    /// Heterotrait-monotrait ratio, never negative; above 0.85 to 0.90 it is doubtful that the
    /// blocks measure different things.
    pub htmt: Option<f64>,
}

/// All pairs of blocks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Htmt {
    /// Respondents with all answers.
    pub n: usize,
    /// Pairs in the order of the blocks: (0,1), (0,2), …, (1,2), …
    pub htmt: Option<Vec<Pair>>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Heterotrait-monotrait ratio of every pair of blocks; respondents with a missing answer to an
/// item of any block are left out.
///
/// Formula: with absolute correlations, their mean between the items of the two blocks divided
/// by √(mean within a · mean within b); the mean within a single item is 1.
///
/// Source: Henseler, Ringle & Sarstedt (2015).
///
/// Edge cases: fewer than two blocks: `too_few_items`; fewer than two complete rows:
/// `n_too_small`; a constant item: `zero_variance`; a block whose items do not correlate at all:
/// `zero_denominator` for its pairs.
///
/// Errors: a block without items, or two of one name; an item that `data` does not have or that
/// is named twice; more than 1000 items; rows × items² above 1e11.
pub fn htmt(data: &[(String, Vec<Option<f64>>)], blocks: &[Block]) -> Result<Htmt> {
    let (columns, sizes) = select(data, blocks)?;
    check_work("data", data.first().map_or(0, |(_, c)| c.len()), columns.len(), 1)?;
    let c = Covariances::of_columns(&columns);
    let reason = match (blocks.len(), c.n) {
        (0 | 1, _) => Some(Reason::TooFewItems),
        (_, 0 | 1) => Some(Reason::NTooSmall),
        _ => c.has_constant().then_some(Reason::ZeroVariance),
    };
    if reason.is_some() {
        return Ok(Htmt { n: c.n, htmt: None, reason });
    }
    let ranges: Vec<std::ops::Range<usize>> = sizes
        .iter()
        .scan(0, |end, size| {
            *end += size;
            Some(*end - size..*end)
        })
        .collect();
    let mean = |left: std::ops::Range<usize>, right: std::ops::Range<usize>| {
        let pairs = left.flat_map(|i| right.clone().map(move |j| (i, j))).filter(|(i, j)| i != j);
        let (sum, count) =
            pairs.fold((0.0, 0.0), |(s, n), (i, j)| (s + c.correlation(i, j).abs(), n + 1.0));
        if count == 0.0 { 1.0 } else { sum / count }
    };
    let within: Vec<f64> = ranges.iter().map(|own| mean(own.clone(), own.clone())).collect();
    let mut pairs = Vec::new();
    for a in 0..blocks.len() {
        for b in a + 1..blocks.len() {
            let below = (within[a] * within[b]).sqrt();
            let ratio = mean(ranges[a].clone(), ranges[b].clone()) / below;
            let htmt = (below > 0.0).then_some(ratio);
            pairs.push(Pair { a: blocks[a].id.clone(), b: blocks[b].id.clone(), htmt });
        }
    }
    let missing = pairs.iter().any(|pair| pair.htmt.is_none());
    let reason = missing.then_some(Reason::ZeroDenominator);
    Ok(Htmt { n: c.n, htmt: Some(pairs), reason })
}

/// The columns of all blocks one after the other, and how many each block has.
fn select<'a>(
    data: &'a [(String, Vec<Option<f64>>)],
    blocks: &[Block],
) -> Result<(Columns<'a>, Vec<usize>)> {
    let mut chosen: Vec<usize> = Vec::new();
    for (b, block) in blocks.iter().enumerate() {
        let field = |name: &str| format!("blocks[{b}].{name}");
        if blocks[..b].iter().any(|other| other.id == block.id) {
            return Err(Invalid::new(field("id"), "must differ from other blocks"));
        }
        if block.items.is_empty() {
            return Err(Invalid::new(field("items"), "must name an item"));
        }
        for (i, item) in block.items.iter().enumerate() {
            let field = || format!("blocks[{b}].items[{i}]");
            let Some(column) = data.iter().position(|(name, _)| name == item) else {
                return Err(Invalid::new(field(), "must name a column of data"));
            };
            if chosen.contains(&column) {
                return Err(Invalid::new(field(), "is named twice"));
            }
            chosen.push(column);
        }
    }
    if chosen.len() > ITEMS_MAX {
        return Err(Invalid::new("blocks", "must have at most 1000 items together"));
    }
    let columns = chosen.iter().map(|&column| data[column].1.as_slice()).collect();
    Ok((columns, blocks.iter().map(|block| block.items.len()).collect()))
}
