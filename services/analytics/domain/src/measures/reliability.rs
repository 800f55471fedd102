//! Reliability and validity: whether the items of a block measure one thing, whether people
//! answer and coders code alike.

pub mod adequacy;
pub mod agreement;
pub mod alpha;
mod block;
mod docs;
mod factor;
pub mod htmt;
pub mod icc;
pub mod omega;
pub mod retest;
pub mod split_half;

use serde_json::Value;

use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "reliability.alpha",
        description: "Cronbach's alpha with Feldt interval and item diagnostics",
        doc: docs::ALPHA,
        compute: alpha,
    },
    Method {
        name: "reliability.alpha_summary",
        description: "Cronbach's alpha from published variances or standard deviations",
        doc: docs::ALPHA_SUMMARY,
        compute: alpha_summary,
    },
    Method {
        name: "reliability.omega",
        description: "McDonald's omega of one factor; a bootstrap interval with n_resamples",
        doc: docs::OMEGA,
        compute: omega,
    },
    Method {
        name: "reliability.split_half",
        description: "Split-half reliability: Spearman-Brown, Horst, Guttman",
        doc: docs::SPLIT_HALF,
        compute: split_half,
    },
    Method {
        name: "reliability.test_retest",
        description: "Test-retest: paired t test and correlation of two occasions",
        doc: docs::TEST_RETEST,
        compute: test_retest,
    },
    Method {
        name: "reliability.icc",
        description: "Intraclass correlations with tests and intervals",
        doc: docs::ICC,
        compute: |input| super::reply(&icc::icc(&input.rows("ratings")?, input.confidence()?)?),
    },
    Method {
        name: "validity.kmo_bartlett",
        description: "Sampling adequacy (KMO) and Bartlett's test of sphericity",
        doc: docs::KMO_BARTLETT,
        compute: |input| super::reply(&adequacy::kmo_bartlett(&input.rows("items")?)?),
    },
    Method {
        name: "validity.eigenvalues",
        description: "Eigenvalues of the correlations of a block",
        doc: docs::EIGENVALUES,
        compute: |input| super::reply(&adequacy::eigenvalues(&input.rows("items")?)?),
    },
    Method {
        name: "validity.htmt",
        description: "Discriminant validity: heterotrait-monotrait ratios of blocks",
        doc: docs::HTMT,
        compute: htmt,
    },
    Method {
        name: "agreement.krippendorff",
        description: "Agreement of any number of coders: Krippendorff's alpha",
        doc: docs::KRIPPENDORFF,
        compute: krippendorff,
    },
    Method {
        name: "agreement.cohen_kappa",
        description: "Agreement of two coders: Cohen's kappa",
        doc: docs::COHEN_KAPPA,
        compute: |input| super::reply(&agreement::cohen_kappa(&input.matrix("table")?)?),
    },
];

fn alpha(input: &Input) -> Result<Value> {
    super::reply(&alpha::alpha(&input.rows("items")?, input.confidence()?)?)
}

fn alpha_summary(input: &Input) -> Result<Value> {
    let given = input.optional_numbers("item_variances")?;
    let variances = match (given, input.optional_numbers("item_sds")?) {
        (Some(_), Some(_)) => {
            return Err(input.invalid("item_sds", "must not be given beside item_variances"));
        }
        (Some(variances), None) => variances,
        (None, Some(sds)) => match sds.iter().position(|sd| *sd < 0.0) {
            Some(j) => {
                return Err(input.invalid(&format!("item_sds[{j}]"), "must not be negative"));
            }
            None => sds.iter().map(|sd| sd * sd).collect(),
        },
        (None, None) => {
            return Err(input.invalid("item_variances", "is required, or item_sds"));
        }
    };
    super::reply(&alpha::alpha_summary(&variances, input.number("total_variance")?)?)
}

fn omega(input: &Input) -> Result<Value> {
    super::reply(&omega::omega(&input.rows("items")?, input.resampling()?)?)
}

fn split_half(input: &Input) -> Result<Value> {
    use split_half::Split;
    let options = [("odd_even", Split::OddEven), ("first_second", Split::FirstSecond)];
    let split = input.choice("split", &options, Some(Split::OddEven))?;
    let items = input.rows("items")?;
    super::reply(&split_half::split_half(&items, split, input.resampling()?)?)
}

fn test_retest(input: &Input) -> Result<Value> {
    let (first, second) = (input.values("first")?, input.values("second")?);
    let alpha = input.optional_number("alpha")?.unwrap_or(0.05);
    super::reply(&retest::test_retest(&first, &second, alpha, input.confidence()?)?)
}

fn htmt(input: &Input) -> Result<Value> {
    let blocks = input.objects("blocks", &["id", "items"])?;
    let block = |block: &Input| {
        let items = block.texts("items")?.into_iter().map(str::to_owned).collect();
        Ok(htmt::Block { id: block.text("id")?.to_owned(), items })
    };
    let blocks = blocks.iter().map(block).collect::<Result<Vec<_>>>()?;
    super::reply(&htmt::htmt(&input.columns("data")?, &blocks)?)
}

fn krippendorff(input: &Input) -> Result<Value> {
    use agreement::Level;
    let options =
        [("nominal", Level::Nominal), ("ordinal", Level::Ordinal), ("interval", Level::Interval)];
    let level = input.choice("level", &options, None)?;
    super::reply(&agreement::krippendorff(&input.rows("ratings")?, level)?)
}
