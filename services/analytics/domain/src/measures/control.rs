//! Control charts: whether a figure has left the range that chance explains. A signal opens an
//! alert; it is not a test against a target.

mod docs;
pub mod drift;
pub mod individuals;
pub mod limits;
pub mod means;
pub mod runs;
pub mod shares;

use serde_json::Value;

use self::drift::{Cusum, Ewma};
use self::limits::Limits;
use super::Method;
use super::change::period_mean;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "control.p_chart",
        description: "Share per period with control limits, with Laney's on request",
        doc: docs::P_CHART,
        compute: p_chart,
    },
    Method {
        name: "control.u_chart",
        description: "Events per exposure, such as complaints per service, with control limits",
        doc: docs::U_CHART,
        compute: u_chart,
    },
    Method {
        name: "control.xmr",
        description: "Single values with control limits from their moving range",
        doc: docs::XMR,
        compute: |input| {
            let baseline = input.optional_count("baseline")?;
            super::reply(&individuals::xmr(&input.values("values")?, baseline)?)
        },
    },
    Method {
        name: "control.xbar",
        description: "Means of units of different size with control limits: a funnel chart",
        doc: docs::XBAR,
        compute: xbar,
    },
    Method {
        name: "control.ewma",
        description: "Exponentially weighted moving average with control limits",
        doc: docs::EWMA,
        compute: ewma,
    },
    Method {
        name: "control.cusum",
        description: "Cumulative sums of what exceeds a level, both ways",
        doc: docs::CUSUM,
        compute: cusum,
    },
    Method {
        name: "control.nelson",
        description: "Run rules on standardised points",
        doc: docs::NELSON,
        compute: |input| super::reply(&runs::nelson(&input.values("z")?)),
    },
];

fn limits(input: &Input) -> Result<Limits> {
    let sigma = input.optional_number("sigma")?.unwrap_or(limits::SIGMA);
    Limits::new(sigma, input.optional_count("baseline")?)
}

fn p_chart(input: &Input) -> Result<Value> {
    let (counts, sizes) = (input.counts("counts")?, input.counts("sizes")?);
    let laney = input.flag("laney", false)?;
    super::reply(&shares::p_chart(&counts, &sizes, limits(input)?, laney)?)
}

fn u_chart(input: &Input) -> Result<Value> {
    let (counts, exposure) = (input.counts("counts")?, input.numbers("exposure")?);
    super::reply(&shares::u_chart(&counts, &exposure, limits(input)?)?)
}

fn xbar(input: &Input) -> Result<Value> {
    let groups = input.objects("groups", &["n", "mean", "sd"])?;
    let groups = groups.iter().map(period_mean).collect::<Result<Vec<_>>>()?;
    let sigma = input.optional_number("sigma")?.unwrap_or(limits::SIGMA);
    super::reply(&means::xbar(&groups, sigma)?)
}

fn ewma(input: &Input) -> Result<Value> {
    let chart = Ewma {
        lambda: input.number("lambda")?,
        width: input.number("l")?,
        centre: input.number("mu0")?,
        sigma: input.number("sigma0")?,
    };
    super::reply(&drift::ewma(&input.values("values")?, chart)?)
}

fn cusum(input: &Input) -> Result<Value> {
    let chart = Cusum {
        centre: input.number("mu0")?,
        sigma: input.number("sigma0")?,
        slack: input.number("k")?,
        decision: input.number("h")?,
    };
    super::reply(&drift::cusum(&input.values("values")?, chart)?)
}
