//! A weighted tree of indicators, and the roll-up of values from its leaves to its root.

use std::collections::HashMap;

use crate::measures::bounds::is_amount;
use crate::measures::reason::{Invalid, Result};

/// Most nodes of a tree.
pub const NODES_MAX: usize = 10_000;
/// Most levels below the root.
pub const DEPTH_MAX: usize = 20;

/// A node as it is described: where it hangs and how much it counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name, unique in the tree.
    pub id: String,
    /// Name of the node above; `None` for the root.
    pub parent: Option<String>,
    /// How much the node counts beside its siblings; not negative, only ratios matter. That of
    /// the root means nothing.
    pub weight: f64,
}

/// What is wrong with one node of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Position of the node among the parts.
    pub node: usize,
    /// `id`, `parent` or `weight`.
    pub field: &'static str,
    /// What is wrong, to be read after the name of the field.
    pub problem: String,
}

/// A checked tree. Nodes are known by their position among the parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    ids: Vec<String>,
    parents: Vec<Option<usize>>,
    /// Share of a node among its siblings, in \[0, 1\].
    shares: Vec<f64>,
    /// Parents before children.
    order: Vec<usize>,
    leaves: Vec<usize>,
}

/// Values of all nodes, and what each contributes to the root.
#[derive(Debug, Clone, PartialEq)]
pub struct RollUp {
    /// Value of each node; `None` where no leaf below with a weight has one.
    pub values: Vec<Option<f64>>,
    /// How much the root moves when a node moves by 1: the product of the shares on its path,
    /// taken among the siblings that have a value. `effective · value` summed over the leaves is
    /// the value of the root.
    pub effective: Vec<f64>,
}

impl Tree {
    /// Checks the parts of a tree.
    ///
    /// Errors, with the field as `nodes[3].weight`: see [`Tree::build`].
    pub fn new(parts: &[Part]) -> Result<Tree> {
        Tree::build(parts).map_err(|flaw| {
            Invalid::new(format!("nodes[{}].{}", flaw.node, flaw.field), flaw.problem)
        })
    }

    /// As [`Tree::new`], with the position of the wrong node.
    ///
    /// Errors: no node or more than [`NODES_MAX`], an id given twice, a parent that does not
    /// exist, several roots or none, a cycle, more than [`DEPTH_MAX`] levels, a weight that is
    /// negative or no number, weights of siblings that sum to 0.
    pub fn build(parts: &[Part]) -> std::result::Result<Tree, Flaw> {
        if parts.is_empty() || parts.len() > NODES_MAX {
            return Err(flaw(0, "id", "must be one of 1 to 10,000 nodes"));
        }
        let parents = parents(parts)?;
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
        for (node, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(node);
            }
        }
        let order = top_down(&parents, &children)?;
        let shares = shares(parts, &children)?;
        let leaves = (0..parts.len()).filter(|&node| children[node].is_empty()).collect();
        let ids = parts.iter().map(|part| part.id.clone()).collect();
        Ok(Tree { ids, parents, shares, order, leaves })
    }

    /// Names of the nodes.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The nodes without children.
    pub fn leaves(&self) -> &[usize] {
        &self.leaves
    }

    /// Names of the leaves, in the order of [`Tree::leaves`].
    pub fn leaf_ids(&self) -> impl Iterator<Item = &String> {
        self.leaves.iter().map(|&leaf| &self.ids[leaf])
    }

    /// The node at the top.
    pub fn root(&self) -> usize {
        self.order[0]
    }

    /// Rolls values of the leaves, in the order of [`Tree::leaves`], up to the root.
    ///
    /// Formula: node = Σ w·child/Σ w over the children that have a value. A leaf without a value
    /// drops out; a node whose children with a value all weigh 0 has none.
    pub fn roll_up(&self, leaves: &[Option<f64>]) -> RollUp {
        let nodes = self.ids.len();
        let mut values = vec![None; nodes];
        for (&leaf, value) in self.leaves.iter().zip(leaves) {
            values[leaf] = *value;
        }
        // (Σ share·value, Σ share) of the children that have a value.
        let mut sums = vec![(0.0, 0.0); nodes];
        for &node in self.order.iter().rev() {
            let (sum, shares) = sums[node];
            if shares > 0.0 {
                values[node] = Some(sum / shares);
            }
            if let (Some(parent), Some(value)) = (self.parents[node], values[node]) {
                let share = self.shares[node];
                sums[parent] = (sums[parent].0 + share * value, sums[parent].1 + share);
            }
        }
        let mut effective = vec![0.0; nodes];
        for &node in &self.order {
            effective[node] = match (self.parents[node], values[node]) {
                (_, None) => 0.0,
                (None, Some(_)) => 1.0,
                (Some(parent), _) if sums[parent].1 > 0.0 => {
                    effective[parent] * self.shares[node] / sums[parent].1
                }
                _ => 0.0,
            };
        }
        RollUp { values, effective }
    }

    /// Weight of each leaf in the root when all have a value, in the order of [`Tree::leaves`];
    /// they sum to 1.
    pub fn global_weights(&self) -> Vec<f64> {
        let whole = self.roll_up(&vec![Some(0.0); self.leaves.len()]);
        self.leaves.iter().map(|&leaf| whole.effective[leaf]).collect()
    }
}

fn flaw(node: usize, field: &'static str, problem: impl Into<String>) -> Flaw {
    Flaw { node, field, problem: problem.into() }
}

/// Position of the parent of each part.
fn parents(parts: &[Part]) -> std::result::Result<Vec<Option<usize>>, Flaw> {
    let mut places = HashMap::new();
    for (node, part) in parts.iter().enumerate() {
        if part.id.is_empty() {
            return Err(flaw(node, "id", "must not be empty"));
        }
        if places.insert(part.id.as_str(), node).is_some() {
            return Err(flaw(node, "id", "must not be given twice in one tree"));
        }
    }
    let mut parents = Vec::with_capacity(parts.len());
    for (node, part) in parts.iter().enumerate() {
        parents.push(match &part.parent {
            None => None,
            Some(id) => match places.get(id.as_str()) {
                None => return Err(flaw(node, "parent", "must be the id of another node")),
                Some(&parent) if parent == node => {
                    return Err(flaw(node, "parent", "must not be the node itself"));
                }
                parent => parent.copied(),
            },
        });
    }
    Ok(parents)
}

/// All nodes, parents before children.
fn top_down(
    parents: &[Option<usize>],
    children: &[Vec<usize>],
) -> std::result::Result<Vec<usize>, Flaw> {
    let mut roots = (0..parents.len()).filter(|&node| parents[node].is_none());
    let Some(root) = roots.next() else {
        return Err(flaw(0, "parent", "must not lead back to the node: no node is the root"));
    };
    if let Some(second) = roots.next() {
        return Err(flaw(second, "parent", "must be given: a tree has one root"));
    }
    let mut order = vec![root];
    let mut depth = vec![usize::MAX; parents.len()];
    depth[root] = 0;
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &child in &children[node] {
            depth[child] = depth[node] + 1;
            if depth[child] > DEPTH_MAX {
                return Err(flaw(child, "parent", "must be at most 20 levels below the root"));
            }
            order.push(child);
        }
    }
    // Whoever cannot be reached from the root hangs below itself.
    match depth.iter().position(|depth| *depth == usize::MAX) {
        Some(node) => Err(flaw(node, "parent", "must not lead back to the node: a cycle")),
        None => Ok(order),
    }
}

/// Share of each node among its siblings.
fn shares(parts: &[Part], children: &[Vec<usize>]) -> std::result::Result<Vec<f64>, Flaw> {
    let mut shares = vec![1.0; parts.len()];
    for siblings in children.iter().filter(|siblings| !siblings.is_empty()) {
        if let Some(&node) = siblings.iter().find(|&&node| !is_amount(parts[node].weight)) {
            return Err(flaw(node, "weight", "must be a number that is not negative"));
        }
        let top = siblings.iter().fold(0.0, |top: f64, &node| top.max(parts[node].weight));
        if top == 0.0 {
            return Err(flaw(siblings[0], "weight", "must not sum to 0 with those beside it"));
        }
        // Relative to the largest, the sum cannot leave the range of a double.
        let sum: f64 = siblings.iter().map(|&node| parts[node].weight / top).sum();
        siblings.iter().for_each(|&node| shares[node] = parts[node].weight / top / sum);
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, parent: Option<&str>, weight: f64) -> Part {
        Part { id: id.to_owned(), parent: parent.map(str::to_owned), weight }
    }

    fn problem(parts: &[Part]) -> String {
        Tree::new(parts).expect_err("the tree is wrong").to_string()
    }

    #[test]
    fn cycles_orphans_and_twins_are_named() {
        let root = part("r", None, 1.0);
        let cycle = [root.clone(), part("a", Some("b"), 1.0), part("b", Some("a"), 1.0)];
        assert!(problem(&cycle).starts_with("nodes[1].parent must not lead back"));
        let whole = [part("a", Some("b"), 1.0), part("b", Some("a"), 1.0)];
        assert!(problem(&whole).starts_with("nodes[0].parent must not lead back"));
        let own = [root.clone(), part("a", Some("a"), 1.0)];
        assert!(problem(&own).starts_with("nodes[1].parent must not be the node itself"));
        let orphan = [root.clone(), part("a", Some("x"), 1.0)];
        assert!(problem(&orphan).starts_with("nodes[1].parent must be the id"));
        let twins = [root.clone(), part("r", Some("r"), 1.0)];
        assert!(problem(&twins).starts_with("nodes[1].id must not be given twice"));
        let roots = [root.clone(), part("a", None, 1.0)];
        assert!(problem(&roots).starts_with("nodes[1].parent must be given"));
        assert!(problem(&[]).starts_with("nodes[0].id must be one of 1 to"));
        let many = vec![root; NODES_MAX + 1];
        assert!(problem(&many).starts_with("nodes[0].id must be one of 1 to"));
    }

    #[test]
    fn weights_that_cannot_be_shared_are_named() {
        let root = part("r", None, f64::NAN);
        let negative = [root.clone(), part("a", Some("r"), 1.0), part("b", Some("r"), -1.0)];
        assert!(problem(&negative).starts_with("nodes[2].weight must be a number"));
        let zero = [root.clone(), part("a", Some("r"), 0.0), part("b", Some("r"), 0.0)];
        assert!(problem(&zero).starts_with("nodes[1].weight must not sum to 0"));
        let nan = [root.clone(), part("a", Some("r"), f64::NAN)];
        assert!(problem(&nan).starts_with("nodes[1].weight must be a number"));
        let chain: Vec<Part> = (0..=DEPTH_MAX + 1)
            .map(|i| {
                let parent = (i > 0).then(|| format!("n{}", i - 1));
                Part { id: format!("n{i}"), parent, weight: 1.0 }
            })
            .collect();
        assert!(problem(&chain).contains("levels below the root"));
        assert!(Tree::new(&chain[..=DEPTH_MAX]).is_ok());
    }

    #[test]
    fn contributions_of_the_leaves_sum_to_the_root() {
        let parts = [
            part("a", Some("r"), 3.0),
            part("a1", Some("a"), 0.0),
            part("a2", Some("a"), 1.0),
            part("r", None, 0.0),
            part("b", Some("r"), 1.0),
        ];
        let tree = Tree::new(&parts).expect("a tree");
        assert_eq!(tree.leaves(), [1, 2, 4]);
        assert_eq!(tree.global_weights(), [0.0, 0.75, 0.25]);
        let all = tree.roll_up(&[Some(9.0), Some(80.0), Some(40.0)]);
        assert_eq!(all.values[tree.root()], Some(70.0));
        // Only a leaf of weight 0 answered: its node has no value, and b stands alone.
        let some = tree.roll_up(&[Some(9.0), None, Some(40.0)]);
        assert_eq!(some.values, [None, Some(9.0), None, Some(40.0), Some(40.0)]);
        assert_eq!(some.effective, [0.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(tree.roll_up(&[None; 3]).values, [None; 5]);
    }
}
