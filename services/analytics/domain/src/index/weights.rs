//! Weights among siblings: given, judged, equal, or found in the values of a run.

use super::{
    check::Tree,
    definition::{Definition, Judgement, Method, Weighting},
};
use crate::measures::index::{
    ahp::{Ahp, Judgements, ahp},
    criteria::entropy_weights,
};

/// A consistency ratio above this deserves a remark.
pub const CONSISTENCY_MAX: f64 = 0.1;

/// How the children of a node are weighted.
#[derive(Debug, Clone, PartialEq)]
pub enum Weights {
    /// By these, summing to 1.
    Given(Vec<f64>),
    /// By what this method finds in the values of a run.
    Found(Method),
}

impl Weights {
    /// The weights, as far as they are known before a run.
    pub fn given(&self) -> Option<&[f64]> {
        match self {
            Self::Given(weights) => Some(weights),
            Self::Found(_) => None,
        }
    }
}

/// How the children of each node are weighted by a weighting of a checked definition.
pub fn of(definition: &Definition, tree: &Tree, weighting: &Weighting) -> Vec<Weights> {
    let of = |node: usize| -> Weights {
        let children = &tree.children[node];
        let id = |child: &usize| definition.nodes[*child].id.as_str();
        let method = weighting.method_of(&definition.nodes[node].id);
        Weights::Given(match method {
            Method::Direct => {
                let given = |child| {
                    let found = weighting.weights.iter().find(|(node, _)| node == id(child));
                    found.map_or(0.0, |(_, weight)| *weight)
                };
                normalised(children.iter().map(given).collect())
            }
            Method::Equal => equal(children.len()),
            Method::Ahp => {
                let ids: Vec<&str> = children.iter().map(id).collect();
                let judged = by_judgement(weighting, &definition.nodes[node].id, &ids);
                judged.unwrap_or_else(|| equal(children.len()))
            }
            Method::Entropy | Method::Derived => return Weights::Found(method),
        })
    };
    (0..definition.nodes.len()).map(of).collect()
}

/// Weights from the judgement of a node; `None` for a single child, which nobody judges.
fn by_judgement(weighting: &Weighting, node: &str, children: &[&str]) -> Option<Vec<f64>> {
    let judgement = weighting.judgements.iter().find(|j| j.node == node)?;
    let weights = judged(judgement)?.weights?;
    let place = |child: &&str| judgement.children.iter().position(|c| c == child);
    children.iter().map(|child| Some(weights[place(child)?])).collect()
}

/// The analysis of a judgement; `None` if it is malformed.
pub fn judged(judgement: &Judgement) -> Option<Ahp> {
    let k = judgement.children.len();
    let mut matrix = vec![vec![1.0; k]; k];
    let mut ratios = judgement.ratios.iter();
    for (i, j) in (0..k).flat_map(|i| (i + 1..k).map(move |j| (i, j))) {
        let ratio = *ratios.next()?;
        (matrix[i][j], matrix[j][i]) = (ratio, 1.0 / ratio);
    }
    Some(ahp(&Judgements::new(matrix).ok()?))
}

/// Weights that follow from the values of the children over rows; rows with a missing value
/// are left out. Equal weights when the values do not tell the children apart.
pub fn found(method: Method, values: &[&[Option<f64>]]) -> Vec<f64> {
    let k = values.len();
    let rows = values.first().map_or(0, |column| column.len());
    let complete = (0..rows)
        .filter_map(|row| values.iter().map(|column| column[row]).collect::<Option<Vec<f64>>>());
    let matrix: Vec<Vec<f64>> = complete.collect();
    if k < 2 || matrix.len() < 2 {
        return equal(k);
    }
    match method {
        Method::Entropy => entropy_weights(&matrix).map_or_else(|_| equal(k), |e| e.weights),
        Method::Derived => {
            let with_siblings = (0..k).map(|child| {
                let others =
                    |row: &Vec<f64>| (row.iter().sum::<f64>() - row[child]) / (k - 1) as f64;
                let pairs: Vec<(f64, f64)> =
                    matrix.iter().map(|row| (row[child], others(row))).collect();
                correlation(&pairs).map_or(0.0, |r| r.max(0.0))
            });
            normalised(with_siblings.collect())
        }
        Method::Direct | Method::Ahp | Method::Equal => equal(k),
    }
}

/// Pearson's correlation; `None` when a side does not vary.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let (sx, sy) = pairs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xx += (x - mx) * (x - mx);
        yy += (y - my) * (y - my);
        xy += (x - mx) * (y - my);
    }
    let scale = (xx * yy).sqrt();
    (scale > 1e-12).then(|| xy / scale)
}

fn equal(k: usize) -> Vec<f64> {
    vec![1.0 / k.max(1) as f64; k]
}

fn normalised(weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 { weights.iter().map(|w| w / sum).collect() } else { equal(weights.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_found_in_values_follow_the_method() {
        // Values of three units: the second child goes with the first, the third against both.
        let columns = [[10.0, 20.0, 60.0], [15.0, 30.0, 70.0], [52.0, 50.0, 48.0]];
        let columns = columns.map(|column| column.map(Some));
        let values: Vec<&[Option<f64>]> = columns.iter().map(|c| c.as_slice()).collect();
        let derived = found(Method::Derived, &values[..2]);
        assert_eq!(derived, [0.5, 0.5], "two siblings go with each other alike");
        assert_eq!(found(Method::Derived, &values)[2], 0.0, "who goes against all counts nothing");
        let entropy = found(Method::Entropy, &values);
        assert!((entropy.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(entropy[0] > entropy[1], "what tells units apart weighs more: {entropy:?}");
        let same = [Some(40.0); 3];
        assert_eq!(found(Method::Entropy, &[&same, &same]), [0.5, 0.5]);
    }
}
