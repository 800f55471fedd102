//! Outcomes of runs as messages of the contract, and the bytes that are hashed.

use analytics_domain::{
    index::compute::parts, measures::reliability::alpha::Grade as Band, time::date_of,
};
use kit::directory::OrgView;
use prost::Message as _;
use proto::{
    analytics::v1::{
        BlockReliability, IndexQuestion, IndexRow, IndexRun, IntervalMethod, NodeValue, NodeWeight,
        ReliabilityBand,
    },
    names, time,
};
use sha2::{Digest, Sha256};

use super::answer::joined;
use crate::indices::{Asked, Block, Outcome, Row};

/// The part of a run that is hashed: rows, reliability, joined versions and weights.
pub fn result(asked: &Asked, question: &IndexQuestion, outcome: &Outcome) -> IndexRun {
    let definition = &asked.definition;
    let weights = definition.nodes.iter().zip(&outcome.weights);
    IndexRun {
        rows: (0..outcome.rows.len()).map(|at| row(asked, question.nodes, outcome, at)).collect(),
        reliability: outcome.blocks.iter().map(block).collect(),
        joined_versions: outcome.joined.iter().map(joined).collect(),
        weights: weights
            .map(|(node, weight)| NodeWeight { node: node.id.clone(), weight: *weight })
            .collect(),
        ..Default::default()
    }
}

/// SHA-256 of bytes, in hex.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A run from its stored head and result, with names as they are now.
pub fn joined_run(view: &OrgView, head: &[u8], result: &[u8]) -> Option<IndexRun> {
    let mut run = IndexRun::decode(head).ok()?;
    let result = IndexRun::decode(result).ok()?;
    run.rows = result.rows;
    for row in &mut run.rows {
        row.display_name = display_name(view, &row.unit);
    }
    run.reliability = result.reliability;
    run.joined_versions = result.joined_versions;
    run.weights = result.weights;
    Some(run)
}

/// Name of a unit, for showing.
pub fn display_name(view: &OrgView, unit: &str) -> String {
    let id = names::parse("units", unit);
    id.and_then(|id| view.unit(id)).map(|unit| unit.display_name.clone()).unwrap_or_default()
}

/// The head of a run: everything but the result.
pub fn head(
    outcome: &Outcome,
    question: &IndexQuestion,
    definition_hash: &str,
    result_hash: String,
) -> IndexRun {
    IndexRun {
        definition_hash: definition_hash.to_owned(),
        question: Some(question.clone()),
        watermark: outcome.watermark(),
        as_of: Some(time::from_us(outcome.as_of_us())),
        result_hash,
        row_count: i32::try_from(outcome.rows.len()).unwrap_or(i32::MAX),
        ..Default::default()
    }
}

fn row(asked: &Asked, nodes: bool, outcome: &Outcome, at: usize) -> IndexRow {
    let row = &outcome.rows[at];
    let (first, end) = asked.periods.days[row.period];
    let method = match (row.interval, row.by_bootstrap) {
        (None, _) => IntervalMethod::Unspecified,
        (Some(_), true) => IntervalMethod::Bootstrap,
        (Some(_), false) => IntervalMethod::Delta,
    };
    IndexRow {
        unit: names::print("units", row.unit),
        display_name: String::new(),
        from: date_of(first).to_string(),
        to: date_of(end - 1).to_string(),
        value: row.value.value,
        low: row.interval.map(|(low, _)| low),
        high: row.interval.map(|(_, high)| high),
        interval_method: method as i32,
        n: row.value.n,
        weight_covered: row.weight_covered,
        coverage: row.coverage,
        nodes: if nodes { self::nodes(asked, outcome, at) } else { Vec::new() },
        flags: flags(asked, row),
    }
}

fn nodes(asked: &Asked, outcome: &Outcome, row: usize) -> Vec<NodeValue> {
    let parts = parts(&asked.tree, &outcome.computed, row);
    let values = outcome.computed.values.iter().map(|values| values[row]);
    let nodes = asked.definition.nodes.iter().zip(values).zip(parts);
    nodes
        .map(|((node, value), part)| NodeValue {
            node: node.id.clone(),
            value: value.value,
            weight: part.weight,
            contribution: part.contribution,
            n: value.n,
            standard_error: value.variance.filter(|_| value.value.is_some()).map(f64::sqrt),
        })
        .collect()
}

fn flags(asked: &Asked, row: &Row) -> Vec<String> {
    let few = row.value.n < i64::from(asked.definition.minimum_n);
    let flags = [
        (few, "few_answers"),
        (row.weight_covered < 1.0 - 1e-9, "leaves_missing"),
        (row.hidden, "suppressed"),
        (row.bounded, "dependence_bounded"),
        (row.durations_fixed, "durations_fixed"),
    ];
    flags.into_iter().filter(|(set, _)| *set).map(|(_, flag)| flag.to_owned()).collect()
}

/// Reliability of a block.
pub fn block(block: &Block) -> BlockReliability {
    let alpha = block.alpha.as_ref();
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let reason = match alpha {
        None => "suppressed".to_owned(),
        Some(alpha) if alpha.alpha.is_some() => String::new(),
        Some(alpha) => {
            let reason = alpha.reason.and_then(|reason| serde_json::to_value(reason).ok());
            reason.and_then(|r| r.as_str().map(str::to_owned)).unwrap_or_default()
        }
    };
    let band = match block.band() {
        None => ReliabilityBand::Unspecified,
        Some(Band::High) => ReliabilityBand::High,
        Some(Band::Acceptable) => ReliabilityBand::Acceptable,
        Some(Band::Marginal) => ReliabilityBand::Marginal,
        Some(Band::Unacceptable) => ReliabilityBand::NotAcceptable,
    };
    let deleted = alpha.and_then(|alpha| alpha.alpha_if_deleted.as_ref());
    BlockReliability {
        node: block.node.clone(),
        questionnaire: names::print("questionnaires", block.questionnaire),
        items: block.items.clone(),
        alpha: alpha.and_then(|alpha| alpha.alpha),
        low: alpha.and_then(|alpha| alpha.ci_low),
        high: alpha.and_then(|alpha| alpha.ci_high),
        n: alpha.map_or(0, |alpha| count(alpha.n)),
        n_dropped: alpha.map_or(0, |alpha| count(alpha.n_dropped)),
        band: band as i32,
        alpha_if_deleted: deleted
            .and_then(|all| all.iter().copied().collect::<Option<Vec<f64>>>())
            .unwrap_or_default(),
        reason,
        passes: block.passes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_sha_256_in_small_hex() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash(b"abc"), known);
    }
}
