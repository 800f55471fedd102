//! Hierarchical indices and the weights of their indicators.

pub mod ahp;
pub mod criteria;
mod docs;
pub mod repair;
pub mod satisfaction;
pub mod tree;

use serde_json::Value;

use self::ahp::{Judgements, Level};
use self::criteria::Synthesis;
use self::satisfaction::GradeMap;
use self::tree::{DEPTH_MAX, Part, Tree};
use super::Method;
use super::input::Input;
use super::reason::{Invalid, Result};

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "csi.tree",
        description: "Satisfaction index of a weighted tree, by item means or by respondents; \
                      the tree is nested or a list of nodes with their parents",
        doc: docs::TREE,
        compute: satisfaction,
    },
    Method {
        name: "ahp.weights",
        description: "Weights from pairwise comparisons, their consistency and what to repair",
        doc: docs::AHP,
        compute: |input| super::reply(&ahp::ahp(&judgements(input, "matrix")?)),
    },
    Method {
        name: "ahp.hierarchy",
        description: "Weights from pairwise comparisons over two levels",
        doc: docs::HIERARCHY,
        compute: hierarchy,
    },
    Method {
        name: "ahp.group",
        description: "Weights from the pairwise comparisons of several experts",
        doc: docs::GROUP,
        compute: group,
    },
    Method {
        name: "weights.priority_matrix",
        description: "Weights from who is more important than whom: 1, 0.5 or 0",
        doc: docs::PRIORITY_MATRIX,
        compute: |input| super::reply(&criteria::priorities(&input.matrix("matrix")?)?),
    },
    Method {
        name: "weights.entropy",
        description: "Weights from how much the objects differ in each indicator",
        doc: docs::ENTROPY,
        compute: |input| super::reply(&criteria::entropy_weights(&input.matrix("matrix")?)?),
    },
    Method {
        name: "weights.combine",
        description: "Subjective and objective weights put together: multiplicative or linear",
        doc: docs::COMBINE,
        compute: combine,
    },
];

fn satisfaction(input: &Input) -> Result<Value> {
    let tree = tree(input)?;
    let rows = responses(input, &tree)?;
    let weights = input.optional_values("weights")?;
    let (weights, confidence) = (weights.as_deref(), input.confidence()?);
    let min_coverage = input.optional_number("min_coverage")?.unwrap_or(0.5);
    let modes = [("item_means", false), ("respondent", true)];
    if input.choice("mode", &modes, Some(false))? {
        let scores =
            satisfaction::respondent_scores(&tree, &rows, weights, min_coverage, confidence)?;
        return super::reply(&scores);
    }
    super::reply(&satisfaction::item_means(&tree, &rows, weights, confidence)?)
}

/// Reads `tree`, or `nodes` in its place.
fn tree(input: &Input) -> Result<Tree> {
    if let Some(root) = input.optional_object("tree", NODE_FIELDS)? {
        if input.has("nodes") {
            return Err(input.invalid("nodes", "must not be given beside tree"));
        }
        let (mut parts, mut paths) = (Vec::new(), Vec::new());
        collect(&root, None, &mut parts, &mut paths)?;
        return Tree::build(&parts).map_err(|flaw| {
            let path: &str = &paths[flaw.node];
            // What joins a node to the one above is its place in the nested form.
            let field = if flaw.field == "parent" { "children" } else { flaw.field };
            Invalid::new(format!("{path}{field}"), flaw.problem)
        });
    }
    let nodes = input.optional_objects("nodes", &["id", "parent", "weight"])?;
    if nodes.is_empty() {
        return Err(input.invalid("tree", "is required, or nodes"));
    }
    let parts = nodes.iter().map(|node| {
        let parent = node.optional_text("parent")?.map(str::to_owned);
        let weight = weight(node, parent.is_none())?;
        Ok(Part { id: node.text("id")?.to_owned(), parent, weight })
    });
    Tree::new(&parts.collect::<Result<Vec<_>>>()?)
}

const NODE_FIELDS: &[&str] = &["id", "weight", "children"];

fn weight(node: &Input, is_root: bool) -> Result<f64> {
    if is_root { Ok(node.optional_number("weight")?.unwrap_or(1.0)) } else { node.number("weight") }
}

/// Lists a nested node and all below it, parents first, with the path of each.
fn collect(
    node: &Input,
    above: Option<(&str, usize)>,
    parts: &mut Vec<Part>,
    paths: &mut Vec<String>,
) -> Result<()> {
    let depth = above.map_or(0, |(_, depth)| depth + 1);
    if depth > DEPTH_MAX {
        return Err(node.invalid("children", "must be at most 20 levels below the root"));
    }
    let id = node.text("id")?;
    let parent = above.map(|(id, _)| id.to_owned());
    parts.push(Part { id: id.to_owned(), parent, weight: weight(node, above.is_none())? });
    paths.push(node.path(""));
    for child in node.optional_objects("children", NODE_FIELDS)? {
        collect(&child, Some((id, depth)), parts, paths)?;
    }
    Ok(())
}

/// The answers of each respondent by leaf, as scores.
fn responses(input: &Input, tree: &Tree) -> Result<Vec<Vec<Option<f64>>>> {
    let map = grade_map(input)?;
    let places: std::collections::HashMap<&str, usize> =
        tree.leaf_ids().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let rows = input.responses("responses")?.into_iter().enumerate();
    rows.map(|(i, answers)| {
        let mut row = vec![None; places.len()];
        for (leaf, answer) in answers {
            let path = || {
                let leaf: String = leaf.chars().take(64).collect();
                format!("responses[{i}].{leaf}")
            };
            let Some(&place) = places.get(leaf) else {
                return Err(input.invalid(&path(), "is no leaf of the tree"));
            };
            row[place] = match (answer, &map) {
                (Some(grade), Some(map)) => match map.score(grade) {
                    None => return Err(input.invalid(&path(), "must be a grade of grade_map")),
                    score => score,
                },
                (answer, _) => answer,
            };
        }
        Ok(row)
    })
    .collect()
}

/// `grade_map` as an object of scores by grade; absent when the answers are scores already.
fn grade_map(input: &Input) -> Result<Option<GradeMap>> {
    if !input.has("grade_map") {
        return Ok(None);
    }
    let table = input.named_numbers("grade_map")?.into_iter().map(|(grade, score)| {
        let problem = || input.invalid("grade_map", "must have grades such as 1 as its names");
        let grade = grade.parse::<f64>().ok().filter(|grade| grade.is_finite());
        Ok((grade.ok_or_else(problem)?, score))
    });
    Ok(Some(GradeMap::new(table.collect::<Result<Vec<_>>>()?)))
}

/// Reads a matrix of judgements.
fn judgements(input: &Input, key: &str) -> Result<Judgements> {
    Judgements::new(input.matrix(key)?).map_err(|error| input.invalid(&error.field, error.problem))
}

fn level(input: &Input) -> Result<Level> {
    let ids = input.texts("ids")?.into_iter().map(str::to_owned).collect();
    Level::new(ids, judgements(input, "matrix")?)
        .map_err(|error| input.invalid(&error.field, error.problem))
}

fn hierarchy(input: &Input) -> Result<Value> {
    let criteria = level(&input.object("criteria", &["ids", "matrix"])?)?;
    let sub = input.named_objects("sub", &["ids", "matrix"])?;
    let sub = sub.iter().map(|(id, sub)| Ok(((*id).to_owned(), level(sub)?)));
    super::reply(&ahp::hierarchy(&criteria, &sub.collect::<Result<Vec<_>>>()?)?)
}

fn group(input: &Input) -> Result<Value> {
    let experts = input.matrices("matrices")?.into_iter().enumerate();
    let experts = experts.map(|(i, matrix)| {
        Judgements::new(matrix).map_err(|error| {
            let below = error.field.trim_start_matches("matrix");
            input.invalid(&format!("matrices[{i}]{below}"), error.problem)
        })
    });
    let weights = input.optional_numbers("expert_weights")?;
    super::reply(&ahp::group(&experts.collect::<Result<Vec<_>>>()?, weights.as_deref())?)
}

fn combine(input: &Input) -> Result<Value> {
    let ways = [("multiplicative", false), ("linear", true)];
    let how = match input.choice("method", &ways, Some(false))? {
        true => Synthesis::Linear { alpha: input.optional_number("alpha")?.unwrap_or(0.5) },
        false => Synthesis::Multiplicative,
    };
    let (subjective, objective) = (input.numbers("subjective")?, input.numbers("objective")?);
    super::reply(&criteria::combine(&subjective, &objective, how)?)
}
