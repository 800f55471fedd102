//! Which leaves come from the same people, so that their values err together.

use super::{
    check::Tree,
    definition::{Definition, Measure},
};

/// Sources that leaves share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shared {
    /// For each leaf, in the order of the tree's leaves, the source that it shares with others.
    pub of: Vec<Option<usize>>,
    /// Number of shared sources.
    pub count: usize,
}

impl Shared {
    /// Leaves of a checked definition share a source when they are questions of one
    /// questionnaire, items of ratings that may be of one template, or figures of services.
    pub fn of(definition: &Definition, tree: &Tree) -> Self {
        let leaves: Vec<Option<&Measure>> = tree
            .leaves
            .iter()
            .map(|node| definition.nodes[*node].leaf.as_ref().map(|leaf| &leaf.measure))
            .collect();
        let mut first: Vec<usize> = (0..leaves.len()).collect();
        for later in 0..leaves.len() {
            for earlier in 0..later {
                let same = leaves[earlier].zip(leaves[later]).is_some_and(|(a, b)| share(a, b));
                if same && first[earlier] != first[later] {
                    let (from, to) = (first[later], first[earlier]);
                    first.iter_mut().filter(|place| **place == from).for_each(|p| *p = to);
                }
            }
        }
        let mut shared: Vec<usize> = Vec::new();
        let of = (0..leaves.len()).map(|leaf| {
            if first.iter().filter(|place| **place == first[leaf]).count() < 2 {
                return None;
            }
            let known = shared.iter().position(|place| *place == first[leaf]);
            Some(known.unwrap_or_else(|| {
                shared.push(first[leaf]);
                shared.len() - 1
            }))
        });
        let of = of.collect();
        Self { of, count: shared.len() }
    }

    /// No two leaves share anything.
    pub fn nothing(leaves: usize) -> Self {
        Self { of: vec![None; leaves], count: 0 }
    }
}

fn share(a: &Measure, b: &Measure) -> bool {
    match (a, b) {
        (
            Measure::Question { questionnaire: a, .. },
            Measure::Question { questionnaire: b, .. },
        ) => a == b,
        (Measure::Rating { templates: a, .. }, Measure::Rating { templates: b, .. }) => {
            a.is_empty() || b.is_empty() || a.iter().any(|template| b.contains(template))
        }
        (Measure::Figure { .. }, Measure::Figure { .. }) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::index::definition::{ServiceFigure, Statistic};

    fn rating(templates: &[u128]) -> Measure {
        let templates = templates.iter().copied().map(Uuid::from_u128).collect();
        Measure::Rating { templates, item: String::new(), statistic: Statistic::MeanScore }
    }

    fn question(of: u128) -> Measure {
        let questionnaire = Uuid::from_u128(of);
        Measure::Question { questionnaire, item: "a".to_owned(), statistic: Statistic::MeanScore }
    }

    #[test]
    fn leaves_share_a_source_when_the_same_people_may_stand_behind_them() {
        let figure = Measure::Figure { figure: ServiceFigure::Coverage, worst: 0.0, best: 100.0 };
        assert!(share(&question(1), &question(1)) && !share(&question(1), &question(2)));
        assert!(share(&rating(&[1, 2]), &rating(&[2])) && !share(&rating(&[1]), &rating(&[2])));
        assert!(share(&rating(&[]), &rating(&[2])) && share(&figure, &figure));
        assert!(!share(&figure, &rating(&[])));
    }
}
