//! Loyalty, retention and churn: whether customers stay, and what that is worth.

mod docs;
pub mod retention;
pub mod risk;
pub mod survival;
pub mod wallet;

use serde_json::Value;

use super::Method;
use super::input::Input;
use super::reason::Result;

/// The methods of this family.
pub(super) const METHODS: &[Method] = &[
    Method {
        name: "retention.rates",
        description: "Retention with interval, churn and expected lifetime",
        doc: docs::RATES,
        compute: rates,
    },
    Method {
        name: "retention.by_satisfaction",
        description: "Retention to expect from the distribution of grades",
        doc: docs::BY_SATISFACTION,
        compute: by_satisfaction,
    },
    Method {
        name: "loyalty.repurchase",
        description: "Share of customers who bought again, with interval",
        doc: docs::REPURCHASE,
        compute: |input| {
            let purchases = input.values("purchases")?;
            super::reply(&retention::repurchase(&purchases, input.confidence()?)?)
        },
    },
    Method {
        name: "loyalty.share_of_wallet",
        description: "What customers spend here of what they spend at all",
        doc: docs::SHARE_OF_WALLET,
        compute: |input| {
            super::reply(&wallet::share(&input.values("own")?, &input.values("category")?)?)
        },
    },
    Method {
        name: "loyalty.wallet_allocation",
        description: "Share of wallet from the rank of a brand among those used",
        doc: docs::WALLET_ALLOCATION,
        compute: |input| {
            super::reply(&wallet::allocation(&input.numbers("scores")?, input.count("focal")?)?)
        },
    },
    Method {
        name: "loyalty.revenue_retention",
        description: "Gross and net revenue retention",
        doc: docs::REVENUE_RETENTION,
        compute: revenue,
    },
    Method {
        name: "loyalty.clv",
        description: "Value of a customer over the lifetime",
        doc: docs::CLV,
        compute: lifetime_value,
    },
    Method {
        name: "churn.kaplan_meier",
        description: "Share of customers still there over time, with intervals and median",
        doc: docs::KAPLAN_MEIER,
        compute: survival,
    },
    Method {
        name: "churn.logistic",
        description: "Churn risk from drivers by logistic regression",
        doc: docs::LOGISTIC,
        compute: risk,
    },
];

fn rates(input: &Input) -> Result<Value> {
    let (start, end, new) = (input.count("start")?, input.count("end")?, input.count("new")?);
    super::reply(&retention::rates(start, end, new, input.confidence()?)?)
}

fn by_satisfaction(input: &Input) -> Result<Value> {
    let counts = input.counts("counts")?;
    if !input.has("table") {
        return super::reply(&retention::by_satisfaction(&counts, &retention::TABLE)?);
    }
    let rows = input.matrix("table")?;
    if rows.iter().any(|row| row.len() != 2) {
        return Err(input.invalid("table", "must have rows of a low and a high share"));
    }
    let table: Vec<(f64, f64)> = rows.iter().map(|row| (row[0], row[1])).collect();
    super::reply(&retention::by_satisfaction(&counts, &table)?)
}

fn revenue(input: &Input) -> Result<Value> {
    super::reply(&wallet::revenue_retention(
        input.number("start")?,
        input.number("churned")?,
        input.number("contraction")?,
        input.number("expansion")?,
    )?)
}

fn lifetime_value(input: &Input) -> Result<Value> {
    let (retention, discount) = (input.number("retention")?, input.number("discount")?);
    super::reply(&wallet::lifetime_value(input.number("margin")?, retention, discount)?)
}

fn survival(input: &Input) -> Result<Value> {
    let (durations, events) = (input.values("durations")?, input.flags("events")?);
    super::reply(&survival::kaplan_meier(&durations, &events, input.confidence()?)?)
}

fn risk(input: &Input) -> Result<Value> {
    super::reply(&risk::logistic(&input.flags("y")?, &input.columns("x")?, input.confidence()?)?)
}
