//! A path model: latent variables with their items, and the paths between them.

use std::collections::HashMap;
use std::ops::Range;

use crate::measures::reason::{Invalid, Result};

const LATENTS_MAX: usize = 40;
const ITEMS_MAX: usize = 300;

/// How a latent variable relates to its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reflective: the items show it; weights are covariances.
    A,
    /// Formative: the items make it up; weights are regression coefficients.
    B,
}

/// A latent variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latent {
    /// Name.
    pub id: String,
    /// How it relates to its items.
    pub mode: Mode,
    /// Names of its columns.
    pub items: Vec<String>,
}

/// A path model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// At most 40 latent variables with at most 300 items together.
    pub latents: Vec<Latent>,
    /// From the name of one latent variable to that of another; without a cycle.
    pub paths: Vec<(String, String)>,
}

/// A checked model with positions in place of names. Items are numbered block by block.
#[derive(Debug)]
pub(super) struct Structure {
    /// Column of the data of each item.
    pub columns: Vec<usize>,
    /// Items of each latent variable.
    pub blocks: Vec<Range<usize>>,
    /// True where the mode is B.
    pub formative: Vec<bool>,
    /// Paths in the order given.
    pub paths: Vec<(usize, usize)>,
    /// Predecessors of each latent variable, in the order of the paths.
    pub predecessors: Vec<Vec<usize>>,
    /// Positions of those paths.
    pub incoming: Vec<Vec<usize>>,
    /// Successors of each latent variable.
    pub successors: Vec<Vec<usize>>,
    /// Latent variables with every predecessor before its successors.
    pub order: Vec<usize>,
}

impl Structure {
    /// Checks a model against the names of the columns.
    ///
    /// Errors, by field: too many or no latent variables or items; names that repeat; an item
    /// that is no column or belongs to two blocks; a path that is unknown, repeated, to itself
    /// or in a cycle; a latent variable without a path.
    pub fn of(model: &Model, data: &[(String, Vec<Option<f64>>)]) -> Result<Structure> {
        let (columns, blocks) = items(model, data)?;
        let paths = paths(model)?;
        let l = model.latents.len();
        let mut structure = Structure {
            columns,
            blocks,
            formative: model.latents.iter().map(|latent| latent.mode == Mode::B).collect(),
            paths,
            predecessors: vec![Vec::new(); l],
            incoming: vec![Vec::new(); l],
            successors: vec![Vec::new(); l],
            order: Vec::with_capacity(l),
        };
        for (position, &(from, to)) in structure.paths.iter().enumerate() {
            structure.predecessors[to].push(from);
            structure.incoming[to].push(position);
            structure.successors[from].push(to);
        }
        let alone = (0..l)
            .find(|&k| structure.predecessors[k].is_empty() && structure.successors[k].is_empty());
        if let Some(k) = alone {
            let problem = "must be on a path, or nothing determines its weights";
            return Err(Invalid::new(format!("model.latents[{k}]"), problem));
        }
        structure.sort()?;
        Ok(structure)
    }

    /// Number of latent variables.
    pub fn latents(&self) -> usize {
        self.blocks.len()
    }

    /// Number of items.
    pub fn items(&self) -> usize {
        self.columns.len()
    }

    /// Multiplications of a round of the iteration.
    pub fn round_cost(&self) -> usize {
        let regressions = self.predecessors.iter().map(|all| all.len().pow(3));
        self.items() * (self.items() + self.latents()) + regressions.sum::<usize>()
    }

    /// Latent variable of each item.
    pub fn owners(&self) -> impl Iterator<Item = usize> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(k, block)| std::iter::repeat_n(k, block.len()))
    }

    fn sort(&mut self) -> Result<()> {
        let mut waiting: Vec<usize> = self.predecessors.iter().map(Vec::len).collect();
        let mut ready: Vec<usize> = (0..self.latents()).filter(|&k| waiting[k] == 0).collect();
        while let Some(k) = ready.pop() {
            self.order.push(k);
            for &next in &self.successors[k] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(next);
                }
            }
        }
        if self.order.len() == self.latents() {
            return Ok(());
        }
        Err(Invalid::new("model.paths", "must not lead in a cycle"))
    }
}

/// Column of each item, and the items of each block.
fn items(
    model: &Model,
    data: &[(String, Vec<Option<f64>>)],
) -> Result<(Vec<usize>, Vec<Range<usize>>)> {
    if model.latents.is_empty() || model.latents.len() > LATENTS_MAX {
        return Err(Invalid::new("model.latents", "must have 1 to 40 entries"));
    }
    let positions: HashMap<&str, usize> =
        data.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    let (mut columns, mut blocks): (Vec<usize>, Vec<Range<usize>>) = (Vec::new(), Vec::new());
    for (k, latent) in model.latents.iter().enumerate() {
        let field = |name: &str| format!("model.latents[{k}].{name}");
        if model.latents[..k].iter().any(|other| other.id == latent.id) {
            return Err(Invalid::new(field("id"), "must differ from other latent variables"));
        }
        if latent.items.is_empty() {
            return Err(Invalid::new(field("items"), "must name an item"));
        }
        let start = columns.len();
        for (i, item) in latent.items.iter().enumerate() {
            let invalid = |problem: &str| Err(Invalid::new(field(&format!("items[{i}]")), problem));
            match positions.get(item.as_str()) {
                None => return invalid("must name a column of data"),
                Some(column) if columns.contains(column) => return invalid("is named twice"),
                Some(_) if columns.len() == ITEMS_MAX => {
                    return invalid("is beyond the 300 items of a model");
                }
                Some(column) => columns.push(*column),
            }
        }
        blocks.push(start..columns.len());
    }
    Ok((columns, blocks))
}

fn paths(model: &Model) -> Result<Vec<(usize, usize)>> {
    let mut paths = Vec::with_capacity(model.paths.len());
    for (i, (from, to)) in model.paths.iter().enumerate() {
        let position = |id: &str, end: &str| {
            let found = model.latents.iter().position(|latent| latent.id == id);
            let field = || format!("model.paths[{i}].{end}");
            found.ok_or_else(|| Invalid::new(field(), "must name a latent variable"))
        };
        let path = (position(from, "from")?, position(to, "to")?);
        let invalid = |problem: &str| Err(Invalid::new(format!("model.paths[{i}]"), problem));
        if path.0 == path.1 {
            return invalid("must not lead to itself");
        }
        if paths.contains(&path) {
            return invalid("is given twice");
        }
        paths.push(path);
    }
    Ok(paths)
}
