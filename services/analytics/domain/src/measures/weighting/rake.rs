//! Raking: weights that meet the margins of several variables at once.

use std::collections::HashMap;

use serde::Serialize;

use super::cells::{Cost, base, places, shares};
use crate::measures::reason::{Invalid, Reason, Result};

/// A margin this close to its target is met.
const SLACK: f64 = 1e-12;
/// Most variables.
const VARIABLES_MAX: usize = 50;
/// Bounds of the rounds through all variables; what does not settle within them contradicts
/// itself.
const ROUNDS: (usize, usize) = (200, 50_000);
/// Steps after which the rounds end.
const STEPS_MAX: usize = 500_000_000;

/// A variable: the category of each respondent and how much each category should count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin<'a> {
    /// Name of the variable, for errors.
    pub name: &'a str,
    /// Category of each respondent.
    pub categories: &'a [&'a str],
    /// Targets as shares or sizes.
    pub targets: &'a [(&'a str, f64)],
}

/// Raked weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raked {
    /// A weight per respondent, on average 1; 0 for those who do not count.
    pub weights: Option<Vec<f64>>,
    /// True if every margin is met.
    pub converged: bool,
    /// What the weights cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// Smallest weight of those who count.
    pub min_weight: Option<f64>,
    /// Largest weight.
    pub max_weight: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Weights by which the categories of every variable count as much as their targets say.
///
/// Formula: from the base weights, variable after variable w·target/current, until every margin
/// is within 1e-12 of its target share; mean 1; deff = n·Σw²/(Σw)².
///
/// Source: Deming & Stephan (1940).
///
/// Edge cases: a target of 0 gives weight 0; a positive target without respondents: `None`,
/// `empty_cell`; targets that no weights meet: `None`, `not_converged`; respondents with base
/// weight 0 or none are left out and get weight 0.
///
/// Errors: no variable or more than 50, lists of different lengths, a category without target, a
/// negative target, targets that sum to 0, negative base weights.
pub fn rake(margins: &[Margin], base_weights: Option<&[Option<f64>]>) -> Result<Raked> {
    let Some(first) = margins.first().filter(|_| margins.len() <= VARIABLES_MAX) else {
        return Err(Invalid::new("categories", "must have 1 to 50 variables"));
    };
    let rows = first.categories.len();
    let mut variables = Vec::new();
    let mut codes = Vec::new();
    for margin in margins {
        let path = |list: &str| {
            let name: String = margin.name.chars().take(64).collect();
            format!("{list}.{name}")
        };
        if margin.categories.len() != rows {
            let problem = format!("must have {rows} entries as the first variable has");
            return Err(Invalid::new(path("categories"), problem));
        }
        if margin.targets.is_empty() {
            return Err(Invalid::new(path("targets"), "is required"));
        }
        let (known, targets) = shares(&path("targets"), margin.targets)?;
        codes.push(places(&path("categories"), margin.categories, &known)?);
        variables.push(targets);
    }
    let (base, n) = base(base_weights, rows)?;
    let (cells, cell_of) = cells(&codes, &base);
    let raked = match settle(&cells, &variables) {
        Err(reason) => return Ok(Raked::none(reason)),
        Ok(raked) => raked,
    };
    let weight = |i: usize| match cell_of[i] {
        Some(cell) => base[i] / cells[cell].base * raked[cell] * n,
        None => 0.0,
    };
    let weights: Vec<f64> = (0..rows).map(weight).collect();
    let counting = || weights.iter().zip(&cell_of).filter(|(_, cell)| cell.is_some());
    let extreme = |pick: fn(f64, f64) -> f64| counting().map(|(w, _)| *w).reduce(pick);
    Ok(Raked {
        converged: true,
        cost: Cost::of(&weights, n),
        min_weight: extreme(f64::min),
        max_weight: extreme(f64::max),
        weights: Some(weights),
        reason: None,
    })
}

impl Raked {
    fn none(reason: Reason) -> Raked {
        Raked {
            weights: None,
            converged: false,
            cost: Cost::none(),
            min_weight: None,
            max_weight: None,
            reason: Some(reason),
        }
    }
}

/// Respondents with the same category in every variable; they keep their proportions.
struct Cell {
    /// Category in each variable.
    codes: Vec<usize>,
    /// Sum of their base weights.
    base: f64,
}

/// The cells, and the cell of each respondent who counts.
fn cells(codes: &[Vec<usize>], base: &[f64]) -> (Vec<Cell>, Vec<Option<usize>>) {
    let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
    let mut cells: Vec<Cell> = Vec::new();
    let mut cell_of = vec![None; base.len()];
    for (i, &weight) in base.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        let key: Vec<usize> = codes.iter().map(|codes| codes[i]).collect();
        let place = *places.entry(key.clone()).or_insert_with(|| {
            cells.push(Cell { codes: key, base: 0.0 });
            cells.len() - 1
        });
        cells[place].base += weight;
        cell_of[i] = Some(place);
    }
    (cells, cell_of)
}

/// Share of each cell when all margins are met.
fn settle(cells: &[Cell], variables: &[Vec<f64>]) -> std::result::Result<Vec<f64>, Reason> {
    let total: f64 = cells.iter().map(|cell| cell.base).sum();
    let mut shares: Vec<f64> = cells.iter().map(|cell| cell.base / total).collect();
    let work = (cells.len() * variables.len()).max(1);
    let rounds = (STEPS_MAX / work).clamp(ROUNDS.0, ROUNDS.1);
    // Sums of very many cells carry more rounding than the slack allows.
    let slack = SLACK.max(cells.len() as f64 * f64::EPSILON);
    for _ in 0..rounds {
        let mut worst: f64 = 0.0;
        for (variable, targets) in variables.iter().enumerate() {
            let mut current = vec![0.0; targets.len()];
            let each = cells.iter().zip(&shares);
            each.for_each(|(cell, share)| current[cell.codes[variable]] += share);
            let mut factors = Vec::with_capacity(targets.len());
            for (target, current) in targets.iter().zip(&current) {
                if *target > 0.0 && *current == 0.0 {
                    return Err(Reason::EmptyCell);
                }
                worst = worst.max((target - current).abs());
                let factor = if *current > 0.0 { target / current } else { 0.0 };
                if !factor.is_finite() {
                    return Err(Reason::NotConverged);
                }
                factors.push(factor);
            }
            let each = cells.iter().zip(&mut shares);
            each.for_each(|(cell, share)| *share *= factors[cell.codes[variable]]);
        }
        if worst <= slack {
            return Ok(shares);
        }
    }
    Err(Reason::NotConverged)
}
