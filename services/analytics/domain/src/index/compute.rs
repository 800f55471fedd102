//! Computes an index over rows (units × periods) from the values of its leaves.

use super::{
    check::Tree,
    dependence::Shared,
    leaf::Value,
    weights::{Weights, found},
};
use crate::measures::distributions::normal_critical;

/// All nodes of all rows: `values[node][row]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// Value of each node in each row.
    pub values: Vec<Vec<Value>>,
    /// Weights of the children of each node that were used, summing to 1.
    pub weights: Vec<Vec<f64>>,
}

/// Computes all nodes upward. `leaves[i][row]` is the value of the i-th leaf of the tree. A
/// child without a value is left out of its row, and the others' weights stand for it.
///
/// Variances: leaves of different sources are independent. Leaves of one source err together,
/// and since counts do not tell how much, as much as they can: their standard errors are added.
/// So an interval is never too narrow because of that.
pub fn compute(
    tree: &Tree,
    weighted: &[Weights],
    shared: &Shared,
    leaves: Vec<Vec<Value>>,
) -> Computed {
    let rows = leaves.first().map_or(0, Vec::len);
    let mut values: Vec<Vec<Value>> = vec![Vec::new(); tree.children.len()];
    for (leaf, column) in tree.leaves.iter().zip(leaves) {
        values[*leaf] = column;
    }
    let mut weights = vec![Vec::new(); tree.children.len()];
    for node in tree.upward.iter().copied().filter(|node| !tree.children[*node].is_empty()) {
        let children = &tree.children[node];
        weights[node] = match &weighted[node] {
            Weights::Given(weights) => weights.clone(),
            Weights::Found(method) => {
                let column = |child: &usize| values[*child].iter().map(|v| v.value).collect();
                let columns: Vec<Vec<Option<f64>>> = children.iter().map(column).collect();
                found(*method, &columns.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }
        };
        values[node] = (0..rows)
            .map(|row| combine(children.iter().map(|c| values[*c][row]), &weights[node]))
            .collect();
    }
    let mut spread = Spread::new(tree, shared);
    for row in 0..rows {
        spread.fill(tree, &weights, &mut values, row);
    }
    Computed { values, weights }
}

/// Errors of the nodes of one row.
struct Spread<'a> {
    shared: &'a Shared,
    /// Variance from leaves that share nothing, by node; `None` where it is not known.
    alone: Vec<Option<f64>>,
    /// Standard error from each shared source, by node.
    joint: Vec<f64>,
}

impl<'a> Spread<'a> {
    fn new(tree: &Tree, shared: &'a Shared) -> Self {
        let nodes = tree.children.len();
        Self { shared, alone: vec![None; nodes], joint: vec![0.0; nodes * shared.count] }
    }

    /// Finds the variances of inner nodes.
    fn fill(&mut self, tree: &Tree, weights: &[Vec<f64>], values: &mut [Vec<Value>], row: usize) {
        let count = self.shared.count;
        self.joint.fill(0.0);
        for (leaf, source) in tree.leaves.iter().zip(&self.shared.of) {
            let variance = values[*leaf][row].variance;
            self.alone[*leaf] = variance;
            if let (Some(source), Some(variance)) = (source, variance) {
                self.alone[*leaf] = Some(0.0);
                self.joint[leaf * count + source] = variance.sqrt();
            }
        }
        for node in tree.upward.iter().copied().filter(|node| !tree.children[*node].is_empty()) {
            let of = || tree.children[node].iter().zip(&weights[node]);
            let counts =
                |child: usize, weight: f64| weight > 0.0 && values[child][row].value.is_some();
            let total: f64 = of().filter(|(c, w)| counts(**c, **w)).map(|(_, w)| w).sum();
            let mut alone = (total > 0.0).then_some(0.0);
            for (child, weight) in of().filter(|(c, w)| counts(**c, **w)) {
                let part = weight / total;
                alone = alone.zip(self.alone[*child]).map(|(sum, one)| sum + part * part * one);
                for source in 0..count {
                    self.joint[node * count + source] += part * self.joint[child * count + source];
                }
            }
            self.alone[node] = alone;
            let joint = &self.joint[node * count..(node + 1) * count];
            let joint: f64 = joint.iter().map(|error| error * error).sum();
            values[node][row].variance = alone.map(|alone| alone + joint);
        }
    }
}

fn combine(children: impl Iterator<Item = Value>, weights: &[f64]) -> Value {
    let (mut sum, mut total, mut n, mut hidden) = (0.0, 0.0, 0_i64, false);
    for (child, weight) in children.zip(weights) {
        hidden |= child.hidden;
        let Some(value) = child.value else { continue };
        n = n.saturating_add(child.n);
        if *weight > 0.0 {
            sum += weight * value;
            total += weight;
        }
    }
    if total <= 0.0 {
        return Value { value: None, variance: None, n, hidden };
    }
    Value { value: Some(sum / total), variance: None, n, hidden }
}

/// How much each node adds in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Share of the root's weight, as used in the row.
    pub weight: f64,
    /// Weight × value.
    pub contribution: Option<f64>,
}

/// Weights and contributions of all nodes in a row. Those of the leaves sum to the index.
pub fn parts(tree: &Tree, computed: &Computed, row: usize) -> Vec<Part> {
    let mut parts = vec![Part { weight: 0.0, contribution: None }; tree.children.len()];
    let value = |node: usize| computed.values[node][row].value;
    parts[tree.root].weight = if value(tree.root).is_some() { 1.0 } else { 0.0 };
    for node in tree.upward.iter().rev().copied() {
        let children = &tree.children[node];
        let with = || {
            children
                .iter()
                .zip(&computed.weights[node])
                .filter(|(child, _)| value(**child).is_some())
        };
        let total: f64 = with().map(|(_, weight)| weight).sum();
        for (child, weight) in with().filter(|_| total > 0.0) {
            parts[*child].weight = parts[node].weight * weight / total;
        }
        parts[node].contribution = value(node).map(|value| value * parts[node].weight);
    }
    parts
}

/// Share of the root's weight whose leaves have values in a row, 0 to 1.
pub fn weight_covered(tree: &Tree, computed: &Computed, row: usize) -> f64 {
    let mut share = vec![0.0; tree.children.len()];
    share[tree.root] = 1.0;
    let mut covered = 0.0;
    for node in tree.upward.iter().rev().copied() {
        for (child, weight) in tree.children[node].iter().zip(&computed.weights[node]) {
            share[*child] = share[node] * weight;
        }
        if tree.children[node].is_empty() && computed.values[node][row].value.is_some() {
            covered += share[node];
        }
    }
    covered.clamp(0.0, 1.0)
}

/// Interval of a value by the normal approximation, within 0 and 100.
pub fn interval(value: &Value, confidence: f64) -> Option<(f64, f64)> {
    let (centre, variance) = (value.value?, value.variance?);
    let half = normal_critical(confidence) * variance.sqrt();
    Some(((centre - half).clamp(0.0, 100.0), (centre + half).clamp(0.0, 100.0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::definition::Method;

    /// Root with two nodes; the first has leaves 2 and 3, the second 4.
    fn tree() -> Tree {
        Tree {
            root: 0,
            children: vec![vec![1, 5], vec![2, 3], vec![], vec![], vec![], vec![4]],
            leaves: vec![2, 3, 4],
            upward: vec![4, 3, 2, 5, 1, 0],
        }
    }

    fn given(weights: [f64; 2]) -> Vec<Weights> {
        let w = |a: f64, b: f64| Weights::Given(vec![a / (a + b), b / (a + b)]);
        let leaf = || Weights::Given(Vec::new());
        let single = Weights::Given(vec![1.0]);
        vec![w(1.0, 1.0), w(weights[0], weights[1]), leaf(), leaf(), leaf(), single]
    }

    fn leaf(value: Option<f64>) -> Value {
        Value { value, variance: value.map(|_| 4.0), n: 10, hidden: false }
    }

    #[test]
    fn an_index_is_the_weighted_mean_of_its_parts() {
        let leaves = [Some(80.0), Some(60.0), Some(90.0)].map(|v| vec![leaf(v)]).to_vec();
        let found = compute(&tree(), &given([3.0, 1.0]), &alone(), leaves);
        assert_eq!(found.values[1][0].value, Some(75.0));
        assert_eq!(found.values[0][0].value, Some(82.5));
        let parts = parts(&tree(), &found, 0);
        let sum: f64 = [2, 3, 4].iter().filter_map(|n| parts[*n].contribution).sum();
        assert!((sum - 82.5).abs() < 1e-12);
        assert_eq!(weight_covered(&tree(), &found, 0), 1.0);
        let (low, high) = interval(&found.values[0][0], 0.95).unwrap();
        assert!(low < 82.5 && high > 82.5);
    }

    fn alone() -> Shared {
        Shared::nothing(3)
    }

    #[test]
    fn leaves_of_one_source_err_together_and_others_do_not() {
        let leaves = || [Some(80.0), Some(60.0), Some(90.0)].map(|v| vec![leaf(v)]).to_vec();
        let variance = |shared: &Shared, node: usize| {
            let found = compute(&tree(), &given([3.0, 1.0]), shared, leaves());
            found.values[node][0].variance.unwrap()
        };
        // Each leaf has variance 4; the weights are 3/8, 1/8 and 1/2.
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12);
        close(variance(&alone(), 1), 4.0 * (9.0 + 1.0) / 16.0);
        close(variance(&alone(), 0), 4.0 * (9.0 / 64.0 + 1.0 / 64.0 + 0.25));
        let pair = Shared { of: vec![Some(0), Some(0), None], count: 1 };
        close(variance(&pair, 1), 4.0);
        close(variance(&pair, 0), 4.0 * (0.25 + 0.25));
        let all = Shared { of: vec![Some(0); 3], count: 1 };
        close(variance(&all, 0), 4.0);
    }

    #[test]
    fn one_node_can_find_its_weights_in_the_values_beside_others_that_are_given_theirs() {
        // The leaves of the first node: only the first of them tells the rows apart.
        let columns = [[10.0, 50.0, 90.0], [60.0, 60.0, 60.0], [80.0, 70.0, 90.0]];
        let leaves = columns.map(|column| column.map(|v| leaf(Some(v))).to_vec()).to_vec();
        let mut weighted = given([1.0, 1.0]);
        weighted[1] = Weights::Found(Method::Entropy);
        let found = compute(&tree(), &weighted, &alone(), leaves);
        assert!((found.weights[1][0] - 1.0).abs() < 1e-12, "{:?}", found.weights);
        assert_eq!(found.weights[0], [0.5, 0.5]);
        let root: Vec<f64> = found.values[0].iter().filter_map(|v| v.value).collect();
        for (value, wanted) in root.iter().zip([45.0, 60.0, 90.0]) {
            assert!((value - wanted).abs() < 1e-9, "{root:?}");
        }
    }

    #[test]
    fn a_missing_leaf_is_left_out_and_said_to_be() {
        let leaves = [None, Some(60.0), Some(90.0)].map(|v| vec![leaf(v)]).to_vec();
        let found = compute(&tree(), &given([3.0, 1.0]), &alone(), leaves);
        assert_eq!(found.values[0][0].value, Some(75.0));
        assert_eq!(weight_covered(&tree(), &found, 0), 0.625);
        let nothing = [None, None, None].map(|v| vec![leaf(v)]).to_vec();
        let found = compute(&tree(), &given([3.0, 1.0]), &alone(), nothing);
        assert_eq!(found.values[0][0].value, None);
    }

    proptest! {
        #[test]
        fn an_index_lies_between_its_leaves_and_contributions_sum_to_it(
            values in prop::array::uniform3(prop::option::of(0.0..100.0_f64)),
            weights in prop::array::uniform2(0.01..9.0_f64),
            method in prop::sample::select(vec![Method::Direct, Method::Entropy, Method::Derived]),
        ) {
            let leaves = values.map(|v| vec![leaf(v); 3]).to_vec();
            let weighted = match method {
                Method::Direct => given(weights),
                found => vec![Weights::Found(found); 6],
            };
            let found = compute(&tree(), &weighted, &alone(), leaves);
            let given: Vec<f64> = values.iter().flatten().copied().collect();
            match found.values[0][0].value {
                None => prop_assert!(given.is_empty()),
                Some(index) => {
                    let low = given.iter().copied().fold(f64::MAX, f64::min);
                    let high = given.iter().copied().fold(f64::MIN, f64::max);
                    prop_assert!(index >= low - 1e-9 && index <= high + 1e-9);
                    let parts = parts(&tree(), &found, 0);
                    let sum: f64 = [2, 3, 4].iter().filter_map(|n| parts[*n].contribution).sum();
                    prop_assert!((sum - index).abs() < 1e-9);
                }
            }
        }
    }
}
