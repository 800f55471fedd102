//! What customers spend, and what they are worth.

use serde::Serialize;

use crate::measures::bounds::is_amount;
use crate::measures::reason::{Invalid, Reason, Result};
use crate::measures::sample::{Moments, ranks};

/// Spending here of all spending, as shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalletShare {
    /// Customers with both amounts who spend in the category.
    pub n: usize,
    /// Σ own ÷ Σ category.
    pub aggregate: Option<f64>,
    /// Mean of own ÷ category.
    pub mean_individual: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Share of wallet from what each customer spends here and in the whole category.
///
/// Formula: aggregate = Σ own/Σ category; mean of own/category over those with category > 0.
///
/// Source: definition.
///
/// Edge cases: nobody spends anything: `no_data`; customers with a missing amount are left out.
///
/// Errors: lists of different lengths, a negative amount, more spent here than in the category.
pub fn share(own: &[Option<f64>], category: &[Option<f64>]) -> Result<WalletShare> {
    if own.len() != category.len() {
        let problem = format!("must have {} entries as own has", own.len());
        return Err(Invalid::new("category", problem));
    }
    let pairs = || own.iter().zip(category).enumerate();
    let is_wrong = |own: &Option<f64>, all: &Option<f64>| {
        own.is_some_and(|own| own < 0.0 || all.is_some_and(|all| own > all))
    };
    if let Some((i, _)) = pairs().find(|(_, (own, all))| is_wrong(own, all)) {
        let problem = "must not be negative nor larger than its category";
        return Err(Invalid::new(format!("own[{i}]"), problem));
    }
    if let Some(i) = category.iter().position(|all| all.is_some_and(|all| all < 0.0)) {
        return Err(Invalid::new(format!("category[{i}]"), "must not be negative"));
    }
    let used = pairs().filter_map(|(_, (own, all))| own.zip(all.filter(|all| *all > 0.0)));
    let (own, all): (Vec<f64>, Vec<f64>) = used.unzip();
    let n = own.len();
    let ratios: Vec<f64> = own.iter().zip(&all).map(|(own, all)| own / all).collect();
    let total = own.iter().sum::<f64>() / all.iter().sum::<f64>();
    Ok(WalletShare {
        n,
        aggregate: (n > 0).then_some(total),
        mean_individual: (n > 0).then(|| Moments::of(&ratios).mean),
        reason: (n == 0).then_some(Reason::NoData),
    })
}

/// Share of wallet from ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WalletAllocation {
    /// Rank of the brand, 1 the best; tied brands share the mean rank.
    pub rank: f64,
    /// Its share of the wallet.
    pub share: f64,
}

/// Wallet allocation rule: the share of wallet of a brand from its rank among those a customer
/// uses. `scores` are the customer's satisfaction with each, `focal` is the position from 0.
///
/// Formula: share = (1 - rank/(N + 1))·2/N.
///
/// Source: Keiningham, Aksoy, Buoye & Cooil (2011).
///
/// Edge cases: tied brands get the mean of their ranks; a single brand has the whole wallet.
///
/// Errors: a position that no brand has.
pub fn allocation(scores: &[f64], focal: u64) -> Result<WalletAllocation> {
    let n = scores.len();
    let Some(focal) = usize::try_from(focal).ok().filter(|focal| *focal < n) else {
        return Err(Invalid::new("focal", "must be the position of a brand, from 0"));
    };
    let n = n as f64;
    let rank = n + 1.0 - ranks(scores).0[focal];
    Ok(WalletAllocation { rank, share: (1.0 - rank / (n + 1.0)) * 2.0 / n })
}

/// Revenue kept, as shares of the revenue at the start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevenueRetention {
    /// Without what was won in addition.
    pub grr: Option<f64>,
    /// With it; may be above 1.
    pub nrr: Option<f64>,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Gross and net revenue retention of the customers at the start of a period.
///
/// Formula: grr = (start - churned - contraction)/start; nrr with expansion added.
///
/// Source: definition.
///
/// Edge cases: no revenue at the start: `zero_denominator`.
///
/// Errors: a negative amount, more lost than there was.
pub fn revenue_retention(
    start: f64,
    churned: f64,
    contraction: f64,
    expansion: f64,
) -> Result<RevenueRetention> {
    let amounts = [
        ("start", start),
        ("churned", churned),
        ("contraction", contraction),
        ("expansion", expansion),
    ];
    if let Some((name, _)) = amounts.iter().find(|(_, amount)| !is_amount(*amount)) {
        return Err(Invalid::new(*name, "must not be negative"));
    }
    if start > 0.0 && churned + contraction > start * (1.0 + 1e-12) {
        let problem = "must, with contraction, not be larger than the revenue at the start";
        return Err(Invalid::new("churned", problem));
    }
    let kept = start - churned - contraction;
    let of_start = |amount: f64| Some(amount / start).filter(|share| share.is_finite());
    let grr = of_start(kept).map(|share| share.clamp(0.0, 1.0)).filter(|_| start > 0.0);
    let nrr = of_start(kept + expansion).filter(|_| start > 0.0);
    let missing = grr.is_none() || nrr.is_none();
    Ok(RevenueRetention { grr, nrr, reason: missing.then_some(Reason::ZeroDenominator) })
}

/// Value of a customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifetimeValue {
    /// Present value of the margins to come, in the unit of the margin.
    pub clv: f64,
    /// Periods that a customer stays.
    pub expected_lifetime: f64,
}

/// Customer lifetime value: the first margin to come is that of the next period.
///
/// Formula: margin·r/(1 + d - r), expected lifetime 1/(1 - r).
///
/// Source: the geometric series of margin·rᵗ/(1 + d)ᵗ from t = 1.
///
/// Errors: retention r outside \[0, 1), a negative discount rate d.
pub fn lifetime_value(margin: f64, retention: f64, discount: f64) -> Result<LifetimeValue> {
    if !(0.0..1.0).contains(&retention) {
        return Err(Invalid::new("retention", "must be 0 or more and below 1"));
    }
    if !is_amount(discount) {
        return Err(Invalid::new("discount", "must not be negative"));
    }
    let clv = margin * retention / (1.0 + discount - retention);
    Ok(LifetimeValue { clv, expected_lifetime: 1.0 / (1.0 - retention) })
}
