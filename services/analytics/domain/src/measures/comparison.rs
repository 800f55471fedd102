//! Comparing groups. Means: Welch; ordinal items: ranks; shares: z with Newcombe's interval;
//! more than two groups: all together first, then pairs with a correction for their number.

pub mod adjust;
pub mod crosstab;
mod docs;
pub mod means;
pub mod ranks;
pub mod two;

use serde_json::Value;

use self::adjust::Correction;
use self::two::NpsCounts;
use super::Method;
use super::input::Input;
use super::reason::{Invalid, Result};

/// 19,900 pairs are more than anybody reads.
const GROUPS_MAX: usize = 200;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "compare.welch_t",
        description: "Two means: Welch's t test, interval and Hedges' g",
        doc: docs::WELCH_T,
        compute: welch,
    },
    Method {
        name: "compare.two_proportions",
        description: "Two shares: z test and Newcombe interval of the difference",
        doc: docs::TWO_PROPORTIONS,
        compute: two_proportions,
    },
    Method {
        name: "compare.nps_diff",
        description: "Two net promoter scores: difference, interval and test",
        doc: docs::NPS_DIFF,
        compute: nps_difference,
    },
    Method {
        name: "compare.mann_whitney",
        description: "Two ordinal samples: Mann-Whitney U test, asymptotic or exact",
        doc: docs::MANN_WHITNEY,
        compute: mann_whitney,
    },
    Method {
        name: "compare.anova",
        description: "Several means: classic and Welch analysis of variance",
        doc: docs::ANOVA,
        compute: |input| super::reply(&means::anova(&input.groups("groups")?)),
    },
    Method {
        name: "compare.kruskal",
        description: "Several ordinal samples: Kruskal-Wallis test",
        doc: docs::KRUSKAL,
        compute: |input| super::reply(&ranks::kruskal(&input.groups("groups")?)),
    },
    Method {
        name: "compare.dunn",
        description: "Every pair of ordinal samples: Dunn's test with corrected p-values",
        doc: docs::DUNN,
        compute: dunn,
    },
    Method {
        name: "compare.pairwise_welch",
        description: "Every pair of means: Welch's t test with corrected p-values",
        doc: docs::PAIRWISE_WELCH,
        compute: pairwise_welch,
    },
    Method {
        name: "compare.chi_square",
        description: "Cross-table: chi-square, Cramer's V, Fisher's exact test for 2 x 2",
        doc: docs::CHI_SQUARE,
        compute: chi_square,
    },
    Method {
        name: "multiple.adjust",
        description: "Correction of several p-values: Holm, Benjamini-Hochberg or Bonferroni",
        doc: docs::ADJUST,
        compute: multiple,
    },
];

/// Every pair of `groups` positions: (0,1), (0,2), …, (1,2), …
///
/// Errors: more than 200 groups.
fn pairs(groups: usize) -> Result<impl Iterator<Item = (usize, usize)>> {
    if groups > GROUPS_MAX {
        return Err(Invalid::new("groups", "must be at most 200 to compare every pair"));
    }
    Ok((0..groups).flat_map(move |a| (a + 1..groups).map(move |b| (a, b))))
}

fn welch(input: &Input) -> Result<Value> {
    super::reply(&two::welch(&input.values("a")?, &input.values("b")?, input.confidence()?))
}

fn two_proportions(input: &Input) -> Result<Value> {
    let first = (input.count("x1")?, input.count("n1")?);
    let second = (input.count("x2")?, input.count("n2")?);
    super::reply(&two::two_proportions(first, second, input.confidence()?)?)
}

fn nps_difference(input: &Input) -> Result<Value> {
    let side = |key| {
        let counts = input.object(key, &["promoters", "passives", "detractors"])?;
        Ok(NpsCounts {
            promoters: counts.count("promoters")?,
            passives: counts.count("passives")?,
            detractors: counts.count("detractors")?,
        })
    };
    super::reply(&two::nps_difference(side("a")?, side("b")?, input.confidence()?))
}

fn mann_whitney(input: &Input) -> Result<Value> {
    use ranks::RankTest;
    let options = [("asymptotic", RankTest::Asymptotic), ("exact", RankTest::Exact)];
    let test = input.choice("method", &options, Some(RankTest::Asymptotic))?;
    super::reply(&ranks::mann_whitney(&input.values("a")?, &input.values("b")?, test)?)
}

const CORRECTIONS: [(&str, Correction); 4] = [
    ("holm", Correction::Holm),
    ("bh", Correction::BenjaminiHochberg),
    ("bonferroni", Correction::Bonferroni),
    ("none", Correction::None),
];

fn dunn(input: &Input) -> Result<Value> {
    let how = input.choice("adjust", &CORRECTIONS, Some(Correction::Holm))?;
    super::reply(&ranks::dunn(&input.groups("groups")?, how)?)
}

fn pairwise_welch(input: &Input) -> Result<Value> {
    let how = input.choice("adjust", &CORRECTIONS, Some(Correction::Holm))?;
    super::reply(&means::pairwise_welch(&input.groups("groups")?, how)?)
}

fn chi_square(input: &Input) -> Result<Value> {
    super::reply(&crosstab::cross_table(&input.matrix("table")?)?)
}

fn multiple(input: &Input) -> Result<Value> {
    let how = input.choice("method", &CORRECTIONS[..3], Some(Correction::Holm))?;
    let alpha = input.optional_number("alpha")?.unwrap_or(0.05);
    super::reply(&adjust::multiple(&input.values("p_values")?, how, alpha)?)
}
