//! Checks a definition and lays out its tree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::definition::{Definition, Leaf, Measure, Method, Problem, Statistic, Weighting};

/// Most levels, root and leaves included.
pub const LEVELS_MAX: usize = 5;
/// Saaty's scale.
const RATIO_MAX: f64 = 9.0;
const RATIO_SLACK: f64 = 1e-9;

/// The tree of a checked definition, by positions of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Position of the root.
    pub root: usize,
    /// Children of each node, in the order of the definition.
    pub children: Vec<Vec<usize>>,
    /// Leaves in the order of the definition.
    pub leaves: Vec<usize>,
    /// Every node after its children.
    pub upward: Vec<usize>,
}

/// Checks a definition.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(definition: &Definition) -> Result<Tree, Vec<Problem>> {
    let mut problems = Vec::new();
    let tree = tree(definition, &mut problems);
    check_leaves(definition, tree.as_ref(), &mut problems);
    if let Some(tree) = &tree {
        check_weightings(definition, tree, &mut problems);
    }
    check_rest(definition, &mut problems);
    match tree {
        Some(tree) if problems.is_empty() => Ok(tree),
        _ => Err(problems),
    }
}

fn is_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && text.len() <= 64
}

fn tree(definition: &Definition, problems: &mut Vec<Problem>) -> Option<Tree> {
    let nodes = &definition.nodes;
    let before = problems.len();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let field = |name: &str| format!("nodes[{index}].{name}");
        if !is_id(&node.id) {
            let text = "is not a letter followed by letters, digits, `_`, `-` or `.`";
            problems.push(Problem::new(field("id"), text));
        } else if places.insert(&node.id, index).is_some() {
            problems.push(Problem::new(field("id"), "stands there twice"));
        }
    }
    let mut children = vec![Vec::new(); nodes.len()];
    let mut roots = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if node.parent.is_empty() {
            roots.push(index);
            continue;
        }
        match places.get(node.parent.as_str()) {
            Some(parent) => children[*parent].push(index),
            None => {
                problems.push(Problem::new(format!("nodes[{index}].parent"), "is no node"));
            }
        }
    }
    if nodes.len() < 2 || roots.len() != 1 {
        problems.push(Problem::new("nodes", "must be one tree of at least two nodes"));
    }
    if problems.len() > before {
        return None;
    }
    let root = roots[0];
    let mut down = vec![(root, 1)];
    let mut seen = 0;
    while let Some(&(node, level)) = down.get(seen) {
        seen += 1;
        if level > LEVELS_MAX {
            problems.push(Problem::new("nodes", "has more than five levels"));
            return None;
        }
        down.extend(children[node].iter().map(|child| (*child, level + 1)));
    }
    if seen < nodes.len() {
        let reached: BTreeSet<usize> = down.iter().map(|(node, _)| *node).collect();
        let lost = (0..nodes.len()).find(|node| !reached.contains(node)).unwrap_or_default();
        let text = "leads round in a circle, not up to the root";
        problems.push(Problem::new(format!("nodes[{lost}].parent"), text));
        return None;
    }
    let upward: Vec<usize> = down.into_iter().rev().map(|(node, _)| node).collect();
    let leaves = (0..nodes.len()).filter(|node| children[*node].is_empty()).collect();
    Some(Tree { root, children, leaves, upward })
}

fn check_leaves(definition: &Definition, tree: Option<&Tree>, problems: &mut Vec<Problem>) {
    for (index, node) in definition.nodes.iter().enumerate() {
        let field = |name: &str| format!("nodes[{index}].{name}");
        let is_leaf = tree.map(|tree| tree.children[index].is_empty());
        match (&node.leaf, is_leaf) {
            (None, Some(true)) => {
                problems.push(Problem::new(field("leaf"), "is required: it has no children"));
            }
            (Some(_), Some(false)) => {
                problems.push(Problem::new(field("leaf"), "is given although it has children"));
            }
            _ => {}
        }
        if let Some(leaf) = &node.leaf {
            check_leaf(leaf, &field("leaf"), problems);
        }
    }
}

fn check_leaf(leaf: &Leaf, field: &str, problems: &mut Vec<Problem>) {
    match &leaf.measure {
        Measure::Rating { statistic: Statistic::Csd, .. } => {
            let text = "needs expectation and perception, which only questionnaires have";
            problems.push(Problem::new(format!("{field}.rating.statistic"), text));
        }
        Measure::Figure { worst, best, .. } => {
            if !(worst.is_finite() && best.is_finite()) || worst == best {
                let text = "must be a number other than `worst`";
                problems.push(Problem::new(format!("{field}.figure.best"), text));
            }
            if !leaf.scores.is_empty() {
                problems.push(Problem::new(format!("{field}.scores"), "is for grades only"));
            }
        }
        Measure::Rating { .. } | Measure::Question { .. } => {}
    }
    let mut grades = BTreeSet::new();
    for (index, (grade, score)) in leaf.scores.iter().enumerate() {
        let field = format!("{field}.scores[{index}]");
        if !(0..=100).contains(grade) || !grades.insert(*grade) {
            problems.push(Problem::new(format!("{field}.grade"), "is no grade, or twice there"));
        }
        if !(0.0..=100.0).contains(score) {
            let text = "is not between 0 and 100";
            problems.push(Problem::new(format!("{field}.score0100"), text));
        }
    }
}

fn check_weightings(definition: &Definition, tree: &Tree, problems: &mut Vec<Problem>) {
    let mut ids = BTreeSet::new();
    for (index, weighting) in definition.weightings.iter().enumerate() {
        let field = format!("weightings[{index}]");
        if !is_id(&weighting.id) || !ids.insert(&weighting.id) {
            problems.push(Problem::new(format!("{field}.id"), "is no id, or twice there"));
        }
        check_node_methods(definition, tree, weighting, &field, problems);
        let uses = |method| {
            let own = weighting.node_methods.iter().map(|own| own.method);
            own.chain([weighting.method]).any(|used| used == method)
        };
        if uses(Method::Direct) {
            check_direct(definition, tree, weighting, &field, problems);
        } else if !weighting.weights.is_empty() {
            let text = "are given only for WEIGHT_METHOD_DIRECT";
            problems.push(Problem::new(format!("{field}.weights"), text));
        }
        if uses(Method::Ahp) {
            check_ahp(definition, tree, weighting, &field, problems);
        } else if !weighting.judgements.is_empty() {
            let text = "are given only for WEIGHT_METHOD_AHP";
            problems.push(Problem::new(format!("{field}.judgements"), text));
        }
    }
    if definition.weightings.is_empty() {
        problems.push(Problem::new("weightings", "is required"));
    }
}

fn check_node_methods(
    definition: &Definition,
    tree: &Tree,
    weighting: &Weighting,
    field: &str,
    problems: &mut Vec<Problem>,
) {
    let mut seen = BTreeSet::new();
    for (index, own) in weighting.node_methods.iter().enumerate() {
        let field = format!("{field}.nodeMethods[{index}]");
        let place = definition.nodes.iter().position(|node| node.id == own.node);
        let has_children = place.is_some_and(|place| !tree.children[place].is_empty());
        if !has_children || !seen.insert(own.node.as_str()) {
            let text = "is no node with children, or twice there";
            problems.push(Problem::new(format!("{field}.node"), text));
        }
    }
}

fn check_direct(
    definition: &Definition,
    tree: &Tree,
    weighting: &Weighting,
    field: &str,
    problems: &mut Vec<Problem>,
) {
    let mut given: BTreeMap<&str, f64> = BTreeMap::new();
    for (index, (node, weight)) in weighting.weights.iter().enumerate() {
        let field = format!("{field}.weights[{index}]");
        if !(weight.is_finite() && (0.0..=1e9).contains(weight)) {
            problems.push(Problem::new(format!("{field}.weight"), "is not between 0 and 1e9"));
        }
        let is_weighted = |parent: &str| weighting.method_of(parent) == Method::Direct;
        let known = definition
            .nodes
            .iter()
            .any(|n| n.id == *node && !n.parent.is_empty() && is_weighted(&n.parent));
        if !known || given.insert(node, *weight).is_some() {
            let text = "is no node below the root that is weighted directly, or twice there";
            problems.push(Problem::new(format!("{field}.node"), text));
        }
    }
    for (node, children) in tree.children.iter().enumerate() {
        let id = &definition.nodes[node].id;
        if weighting.method_of(id) != Method::Direct {
            continue;
        }
        let ids = children.iter().map(|child| definition.nodes[*child].id.as_str());
        let weights: Vec<Option<f64>> = ids.map(|id| given.get(id).copied()).collect();
        if weights.iter().any(Option::is_none) {
            let text = format!("lack a child of `{id}`");
            problems.push(Problem::new(format!("{field}.weights"), text));
        } else if !children.is_empty() && weights.iter().flatten().sum::<f64>() <= 0.0 {
            let text = format!("of the children of `{id}` sum to 0");
            problems.push(Problem::new(format!("{field}.weights"), text));
        }
    }
}

fn check_ahp(
    definition: &Definition,
    tree: &Tree,
    weighting: &Weighting,
    field: &str,
    problems: &mut Vec<Problem>,
) {
    let mut judged = BTreeSet::new();
    for (index, judgement) in weighting.judgements.iter().enumerate() {
        let field = format!("{field}.judgements[{index}]");
        let node = definition.nodes.iter().position(|node| node.id == judgement.node);
        let is_judged = weighting.method_of(&judgement.node) == Method::Ahp;
        let Some(node) = node.filter(|node| is_judged && judged.insert(*node)) else {
            let text = "is no node whose children are judged, or twice there";
            problems.push(Problem::new(format!("{field}.node"), text));
            continue;
        };
        let children: BTreeSet<&str> =
            tree.children[node].iter().map(|child| definition.nodes[*child].id.as_str()).collect();
        let given: BTreeSet<&str> = judgement.children.iter().map(String::as_str).collect();
        let k = judgement.children.len();
        if children != given || k != given.len() {
            let text = "must be the node's children, each once";
            problems.push(Problem::new(format!("{field}.children"), text));
        }
        if judgement.ratios.len() != k * k.saturating_sub(1) / 2 {
            let text = format!("must be {} values for {k} children", k * k.saturating_sub(1) / 2);
            problems.push(Problem::new(format!("{field}.ratios"), text));
        }
        let on_scale =
            |ratio: &f64| (1.0 / RATIO_MAX - RATIO_SLACK..=RATIO_MAX + RATIO_SLACK).contains(ratio);
        if let Some(place) = judgement.ratios.iter().position(|ratio| !on_scale(ratio)) {
            let text = "is not between 1/9 and 9";
            problems.push(Problem::new(format!("{field}.ratios[{place}]"), text));
        }
    }
    for (node, children) in tree.children.iter().enumerate() {
        let wanted = weighting.method_of(&definition.nodes[node].id) == Method::Ahp;
        if wanted && children.len() > 1 && !judged.contains(&node) {
            let text = format!("lack the children of `{}`", definition.nodes[node].id);
            problems.push(Problem::new(format!("{field}.judgements"), text));
        }
    }
}

fn check_rest(definition: &Definition, problems: &mut Vec<Problem>) {
    let mut classes = BTreeSet::new();
    for (index, (class, weight)) in definition.class_weights.iter().enumerate() {
        let field = format!("classWeights[{index}]");
        if !classes.insert(class) {
            problems.push(Problem::new(format!("{field}.customerClass"), "is twice there"));
        }
        if !(weight.is_finite() && (0.0..=1e9).contains(weight)) {
            problems.push(Problem::new(format!("{field}.weight"), "is not between 0 and 1e9"));
        }
    }
    let sum: f64 = definition.class_weights.iter().map(|(_, weight)| weight).sum();
    if !definition.class_weights.is_empty() && sum <= 0.0 {
        problems.push(Problem::new("classWeights", "sum to 0"));
    }
    if !(1..=1_000_000).contains(&definition.minimum_n) {
        problems.push(Problem::new("minimumN", "is not between 1 and 1000000"));
    }
    if !(0.0..=1.0).contains(&definition.alpha_minimum) {
        problems.push(Problem::new("alphaMinimum", "is not between 0 and 1"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{
        definition::{Filter, Judgement, Node, NodeMethod},
        weights::{self, Weights},
    };

    fn node(id: &str, parent: &str, leaf: bool) -> Node {
        let measure = || Measure::Rating {
            templates: Vec::new(),
            item: String::new(),
            statistic: Statistic::MeanScore,
        };
        let leaf = leaf.then(|| Leaf { measure: measure(), scores: Vec::new() });
        Node { id: id.to_owned(), parent: parent.to_owned(), title: Default::default(), leaf }
    }

    fn own(node: &str, method: Method) -> NodeMethod {
        NodeMethod { node: node.to_owned(), method, evidence: String::new() }
    }

    /// Two blocks of two leaves; the blocks are judged, one of them is weighted directly, and
    /// the other one's weights are found.
    fn mixed() -> Definition {
        let judgement = Judgement {
            node: "root".to_owned(),
            children: vec!["a".to_owned(), "b".to_owned()],
            ratios: vec![3.0],
        };
        let weighting = Weighting {
            id: "mixed".to_owned(),
            method: Method::Entropy,
            weights: vec![("a1".to_owned(), 1.0), ("a2".to_owned(), 4.0)],
            judgements: vec![judgement],
            evidence: String::new(),
            node_methods: vec![own("root", Method::Ahp), own("a", Method::Direct)],
        };
        Definition {
            title: Default::default(),
            nodes: vec![
                node("root", "", false),
                node("a", "root", false),
                node("b", "root", false),
                node("a1", "a", true),
                node("a2", "a", true),
                node("b1", "b", true),
                node("b2", "b", true),
            ],
            weightings: vec![weighting],
            class_weights: Vec::new(),
            filter: Filter::default(),
            minimum_n: 10,
            alpha_minimum: 0.75,
        }
    }

    #[test]
    fn each_node_can_be_weighted_by_a_method_of_its_own() {
        let definition = mixed();
        let tree = check(&definition).expect("a sound definition");
        let found = weights::of(&definition, &tree, &definition.weightings[0]);
        let judged = found[0].given().expect("judged weights");
        assert!((judged[0] - 0.75).abs() < 1e-9 && (judged[1] - 0.25).abs() < 1e-9);
        assert_eq!(found[1], Weights::Given(vec![0.2, 0.8]));
        assert_eq!(found[2], Weights::Found(Method::Entropy), "in each run");
        let mut other = definition;
        other.weightings[0].node_methods.push(own("b", Method::Derived));
        check(&other).expect("found by another method than the rest");
        let found = weights::of(&other, &tree, &other.weightings[0]);
        assert_eq!(found[2], Weights::Found(Method::Derived));
    }

    #[test]
    fn methods_of_nodes_are_checked_with_what_belongs_to_them() {
        type Spoil = fn(&mut Weighting);
        let spoils: [(Spoil, &str); 7] = [
            (|w| w.node_methods[0].node = "a1".to_owned(), "nodeMethods[0].node"),
            (|w| w.node_methods[1].node = "root".to_owned(), "nodeMethods[1].node"),
            (|w| w.weights[1].0 = "b1".to_owned(), "weights[1].node"),
            (|w| w.weights.truncate(1), "weights"),
            (|w| w.judgements[0].node = "a".to_owned(), "judgements[0].node"),
            (|w| w.judgements.clear(), "judgements"),
            (|w| w.node_methods.truncate(1), "weights"),
        ];
        for (spoil, field) in spoils {
            let mut spoiled = mixed();
            spoil(&mut spoiled.weightings[0]);
            let problems = check(&spoiled).expect_err(field);
            let wanted = format!("weightings[0].{field}");
            assert!(problems.iter().any(|p| p.field == wanted), "{wanted}: {problems:?}");
        }
    }

    #[test]
    fn ratings_have_no_expectation_to_compare_with() {
        let mut definition = mixed();
        let leaf = definition.nodes[3].leaf.as_mut().expect("a leaf");
        let Measure::Rating { statistic, .. } = &mut leaf.measure else { panic!("a rating") };
        *statistic = Statistic::Csd;
        let problems = check(&definition).expect_err("no pairs");
        assert_eq!(problems[0].field, "nodes[3].leaf.rating.statistic");
    }

    #[test]
    fn five_levels_are_a_tree_and_six_are_too_many() {
        let chain = |levels: usize| {
            let mut definition = mixed();
            let names: Vec<String> = (0..levels).map(|level| format!("n{level}")).collect();
            definition.nodes = (0..levels)
                .map(|level| {
                    let parent = if level == 0 { "" } else { names[level - 1].as_str() };
                    node(&names[level], parent, level + 1 == levels)
                })
                .collect();
            definition.weightings[0] = Weighting {
                id: "all".to_owned(),
                method: Method::Equal,
                weights: Vec::new(),
                judgements: Vec::new(),
                evidence: String::new(),
                node_methods: Vec::new(),
            };
            definition
        };
        assert_eq!(check(&chain(5)).expect("five levels").upward.len(), 5);
        assert_eq!(check(&chain(6)).expect_err("six levels")[0].field, "nodes");
    }
}
