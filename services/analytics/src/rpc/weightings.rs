//! Weightings of a definition side by side.

use analytics_domain::index::ranks::{ranks, spearman};
use kit::{
    auth::Caller,
    directory::OrgView,
    error::{Result, ServiceError},
};
use proto::{
    analytics::v1::{
        CompareWeightingsResponse, IndexQuestion, NodeWeight, RankAgreement, WeightedValue,
        Weighting, WeightingRow,
    },
    names,
};
use uuid::Uuid;

use super::{definition, index, index_answer, index_question};
use crate::{indices::Side, state::App, store::indices::Version};

/// Compares the weightings of a version.
///
/// # Errors
/// INVALID_FIELD for more than one period, and as a run.
pub async fn compare(
    app: &App,
    caller: &Caller,
    version: Version,
    question: &IndexQuestion,
) -> Result<CompareWeightingsResponse> {
    let view = caller.view()?;
    let tree = index::tree(&version.definition)?;
    let mut shown = definition::to_proto(&version.definition, &tree).weightings;
    let ids: Vec<String> =
        version.definition.weightings.iter().map(|weighting| weighting.id.clone()).collect();
    let nodes: Vec<String> = version.definition.nodes.iter().map(|node| node.id.clone()).collect();
    let root = tree.root;
    let asked = index_question::asked(&view, version.unit, version.definition, tree, question)?;
    if asked.periods.days.len() > 1 {
        return Err(ServiceError::invalid("question.period", "must leave one period"));
    }
    let side = app.indices.by_weighting(&view, &asked).await?;
    fill_in(&mut shown, &nodes, root, &side);
    let (rows, agreements) = rows(&view, &ids, &asked.units, &side);
    Ok(CompareWeightingsResponse { rows, agreements, weightings: shown, watermark: side.watermark })
}

/// The weights that were used, of every node but the root.
fn fill_in(shown: &mut [Weighting], nodes: &[String], root: usize, side: &Side) {
    for (weighting, (_, weights)) in shown.iter_mut().zip(&side.weightings) {
        let used = nodes.iter().zip(weights).enumerate().filter(|(node, _)| *node != root);
        weighting.weights = used
            .map(|(_, (node, weight))| NodeWeight { node: node.clone(), weight: *weight })
            .collect();
    }
}

fn rows(
    view: &OrgView,
    ids: &[String],
    units: &[Uuid],
    side: &Side,
) -> (Vec<WeightingRow>, Vec<RankAgreement>) {
    let values: Vec<&Vec<Option<f64>>> = side.weightings.iter().map(|(v, _)| v).collect();
    let all_ranks: Vec<Vec<Option<usize>>> = values.iter().map(|values| ranks(values)).collect();
    let change = |weighting: usize, row: usize| {
        let before = all_ranks[0][row].zip(all_ranks[weighting][row]);
        before.map_or(0, |(first, now)| {
            i32::try_from(first).unwrap_or_default() - i32::try_from(now).unwrap_or_default()
        })
    };
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|row| (all_ranks[0][*row].unwrap_or(usize::MAX), *row));
    let rows = order.into_iter().map(|row| {
        let unit = names::print("units", units[row]);
        let value = |(weighting, id): (usize, &String)| WeightedValue {
            weighting: id.clone(),
            value: values[weighting][row],
            rank: all_ranks[weighting][row].map_or(0, |rank| i32::try_from(rank).unwrap_or(0)),
            rank_change: change(weighting, row),
        };
        WeightingRow {
            display_name: index_answer::display_name(view, &unit),
            unit,
            values: ids.iter().enumerate().map(value).collect(),
        }
    });
    let agreement = |(weighting, id): (usize, &String)| RankAgreement {
        weighting: id.clone(),
        rho: spearman(values[0], values[weighting]),
        largest_change: (0..units.len()).map(|row| change(weighting, row).abs()).max().unwrap_or(0),
    };
    (rows.collect(), ids.iter().enumerate().map(agreement).collect())
}
