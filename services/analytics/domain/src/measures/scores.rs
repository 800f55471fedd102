//! Scores and descriptive statistics: the numbers that a dashboard tile shows.

pub mod distribution;
mod docs;
pub mod effort;
pub mod grade;
pub mod nps;
pub mod proportion;
pub mod ratio;
pub mod summary;
pub mod topbox;

use serde_json::Value;

use self::topbox::Scale;
use super::Method;
use super::input::Input;
use super::reason::Result;

/// Answers below which a base is low where nothing else is said.
const MIN_N: u64 = 10;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "descriptive.summary",
        description: "Mean with t interval, spread and quartiles; weights are optional",
        doc: docs::SUMMARY,
        compute: summary,
    },
    Method {
        name: "proportion.interval",
        description: "Interval of a share: Wilson, Clopper-Pearson, Agresti-Coull or Wald",
        doc: docs::PROPORTION,
        compute: proportion,
    },
    Method {
        name: "csat.topbox",
        description: "CSAT: share of the top boxes with interval, bottom boxes, net and mean",
        doc: docs::TOP_BOX,
        compute: top_box,
    },
    Method {
        name: "nps.score",
        description: "Net promoter score of answers 0 to 10 with Wald and adjusted interval",
        doc: docs::NPS,
        compute: nps,
    },
    Method {
        name: "ces.score",
        description: "Customer effort score: mean and share of easy answers, high is easy",
        doc: docs::EFFORT,
        compute: effort,
    },
    Method {
        name: "grade.score",
        description: "Score of grades 1 to K through a table of points, satisfied share",
        doc: docs::GRADE,
        compute: grade,
    },
    Method {
        name: "csd.ratio",
        description: "Perceived divided by expected, and the gap between them, with intervals",
        doc: docs::CSD,
        compute: csd,
    },
    Method {
        name: "share.distribution",
        description: "Percentages of one distribution, rounded so that they add up to 100",
        doc: docs::DISTRIBUTION,
        compute: distribution,
    },
    Method {
        name: "evaluation.counter",
        description: "Participation, satisfied rate and score of a counter press device",
        doc: docs::COUNTER,
        compute: counter,
    },
];

fn summary(input: &Input) -> Result<Value> {
    let weights = input.optional_values("weights")?;
    let values = input.values("values")?;
    super::reply(&summary::summary(&values, weights.as_deref(), input.confidence()?)?)
}

fn proportion(input: &Input) -> Result<Value> {
    use proportion::Method;
    let options = [
        ("wilson", Method::Wilson),
        ("clopper_pearson", Method::ClopperPearson),
        ("agresti_coull", Method::AgrestiCoull),
        ("wald", Method::Wald),
    ];
    let method = input.choice("method", &options, Some(Method::Wilson))?;
    let (successes, n) = (input.count("successes")?, input.count("n")?);
    super::reply(&proportion::proportion_interval(successes, n, method, input.confidence()?)?)
}

fn top_box(input: &Input) -> Result<Value> {
    let weights = input.optional_values("weights")?;
    let scale = Scale::new(input.integer("scale_min")?, input.integer("scale_max")?)?;
    super::reply(&topbox::top_box(
        &input.values("values")?,
        weights.as_deref(),
        scale,
        input.count("boxes")?,
        input.optional_count("min_n")?.unwrap_or(MIN_N),
        input.confidence()?,
    )?)
}

fn nps(input: &Input) -> Result<Value> {
    let weights = input.optional_values("weights")?;
    let min_n = input.optional_count("min_n")?.unwrap_or(MIN_N);
    let values = input.values("values")?;
    super::reply(&nps::nps(&values, weights.as_deref(), min_n, input.confidence()?)?)
}

fn effort(input: &Input) -> Result<Value> {
    use effort::Direction;
    let options = [("ease", Direction::Ease), ("effort", Direction::Effort)];
    let min = input.optional_integer("scale_min")?.unwrap_or(1);
    super::reply(&effort::effort(
        &input.values("values")?,
        Scale::new(min, input.integer("scale_max")?)?,
        input.choice("direction", &options, None)?,
        input.optional_count("easy_boxes")?,
        input.confidence()?,
    )?)
}

fn grade_map(input: &Input) -> Result<Vec<f64>> {
    Ok(input.optional_numbers("grade_map")?.unwrap_or_else(|| grade::GRADE_MAP.to_vec()))
}

fn grade(input: &Input) -> Result<Value> {
    let grades = input.values("grades")?;
    super::reply(&grade::grade_score(&grades, &grade_map(input)?, input.confidence()?)?)
}

fn csd(input: &Input) -> Result<Value> {
    let (perceived, expected) = (input.values("perceived")?, input.values("expected")?);
    super::reply(&ratio::csd(&perceived, &expected, input.confidence()?)?)
}

fn distribution(input: &Input) -> Result<Value> {
    let decimals = input.optional_count("decimals")?.unwrap_or(0);
    super::reply(&distribution::distribution(&input.counts("counts")?, decimals)?)
}

fn counter(input: &Input) -> Result<Value> {
    super::reply(&grade::counter(
        input.count("served")?,
        &input.counts("counts")?,
        input.optional_count("defaulted")?.unwrap_or(0),
        &grade_map(input)?,
    )?)
}
