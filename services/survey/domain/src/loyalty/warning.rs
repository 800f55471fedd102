//! Who is likely to leave (流失预警), with the reasons.

use crate::customer::DAY_US;

/// Purchases from which an interval is usual.
const PURCHASES_MIN: i64 = 3;
/// Silence, in usual intervals, that is a warning.
const OVERDUE_TIMES: f64 = 2.0;
/// Shortest interval that is taken for usual: purchases of one day are one errand.
const INTERVAL_DAYS_MIN: f64 = 1.0;
/// Share of the earlier amount below which it is falling.
const FALLING_TO: f64 = 0.5;
/// Days left of a contract that are a warning.
const CONTRACT_DAYS: f64 = 60.0;

/// Days of recent and earlier purchases that are compared.
pub const AMOUNT_DAYS: i64 = 180;
/// Days that a complaint or a withdrawal counts.
pub const RECENT_DAYS: i64 = 90;

/// Which reason. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasonKind {
    /// Silent for longer than twice the usual interval.
    Overdue = 1,
    /// Bought for less than half of the time before.
    FallingAmount = 2,
    /// Complaints that are not settled.
    OpenComplaint = 3,
    /// A contract ends and no later one is known.
    ContractEnds = 4,
    /// Bought from a competitor.
    Competitor = 5,
    /// Withdrew consent.
    ConsentWithdrawn = 6,
}

impl ReasonKind {
    /// Points that it adds.
    pub fn points(self) -> i32 {
        match self {
            Self::Overdue => 40,
            Self::FallingAmount | Self::OpenComplaint => 30,
            Self::ContractEnds => 25,
            Self::Competitor => 20,
            Self::ConsentWithdrawn => 15,
        }
    }
}

/// A reason with what was found and what would be usual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// Which.
    pub kind: ReasonKind,
    /// What was found.
    pub value: f64,
    /// What would be usual.
    pub usual: f64,
}

/// A warning: points 1 to 100 and the reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Warning {
    /// Sum of the reasons' points, at most 100.
    pub points: i32,
    /// Why, strongest first.
    pub reasons: Vec<Reason>,
}

/// What is known of one customer. Amounts in hundredths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Purchases with us.
    pub purchases: i64,
    /// First of them.
    pub first_purchase_us: Option<i64>,
    /// Last of them.
    pub last_purchase_us: Option<i64>,
    /// Amount with us in the last [`AMOUNT_DAYS`].
    pub recent_cents: i64,
    /// Amount with us in as many days before.
    pub earlier_cents: i64,
    /// Amount with competitors in the last [`AMOUNT_DAYS`].
    pub elsewhere_cents: i64,
    /// Complaints of the last [`RECENT_DAYS`] that are not settled.
    pub open_complaints: i64,
    /// Latest end of a contract.
    pub contract_end_us: Option<i64>,
    /// Consents withdrawn in the last [`RECENT_DAYS`].
    pub withdrawn: i64,
}

/// The warning of a customer; nothing when there is no reason.
pub fn warning(facts: &Facts, now_us: i64) -> Option<Warning> {
    let mut reasons: Vec<Reason> = [
        overdue(facts, now_us),
        falling(facts),
        (facts.open_complaints > 0).then_some(Reason {
            kind: ReasonKind::OpenComplaint,
            value: facts.open_complaints as f64,
            usual: 0.0,
        }),
        contract(facts, now_us),
        elsewhere(facts),
        (facts.withdrawn > 0).then_some(Reason {
            kind: ReasonKind::ConsentWithdrawn,
            value: facts.withdrawn as f64,
            usual: 0.0,
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if reasons.is_empty() {
        return None;
    }
    reasons.sort_by_key(|reason| (-reason.kind.points(), reason.kind));
    let points = reasons.iter().map(|reason| reason.kind.points()).sum::<i32>().min(100);
    Some(Warning { points, reasons })
}

fn days(us: i64) -> f64 {
    us as f64 / DAY_US as f64
}

fn overdue(facts: &Facts, now_us: i64) -> Option<Reason> {
    let (first, last) = (facts.first_purchase_us?, facts.last_purchase_us?);
    if facts.purchases < PURCHASES_MIN {
        return None;
    }
    let usual = (days(last - first) / (facts.purchases - 1) as f64).max(INTERVAL_DAYS_MIN);
    let silent = days(now_us - last);
    let late = silent > OVERDUE_TIMES * usual;
    late.then_some(Reason { kind: ReasonKind::Overdue, value: silent, usual })
}

fn falling(facts: &Facts) -> Option<Reason> {
    let (recent, earlier) = (facts.recent_cents as f64, facts.earlier_cents as f64);
    let less = earlier > 0.0 && recent < FALLING_TO * earlier;
    less.then_some(Reason { kind: ReasonKind::FallingAmount, value: recent, usual: earlier })
}

fn contract(facts: &Facts, now_us: i64) -> Option<Reason> {
    let left = days(facts.contract_end_us? - now_us);
    let soon = (0.0..=CONTRACT_DAYS).contains(&left);
    soon.then_some(Reason { kind: ReasonKind::ContractEnds, value: left, usual: CONTRACT_DAYS })
}

fn elsewhere(facts: &Facts) -> Option<Reason> {
    if facts.elsewhere_cents <= 0 {
        return None;
    }
    let all = facts.recent_cents as f64 + facts.elsewhere_cents as f64;
    let share = facts.elsewhere_cents as f64 / all;
    Some(Reason { kind: ReasonKind::Competitor, value: share, usual: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 20_000 * DAY_US;

    fn ago(days: i64) -> Option<i64> {
        Some(NOW - days * DAY_US)
    }

    fn kinds(facts: &Facts) -> Vec<ReasonKind> {
        let warning = warning(facts, NOW);
        warning.map(|w| w.reasons.iter().map(|r| r.kind).collect()).unwrap_or_default()
    }

    #[test]
    fn a_customer_without_reasons_is_not_warned_of() {
        let regular = Facts {
            purchases: 10,
            first_purchase_us: ago(300),
            last_purchase_us: ago(20),
            recent_cents: 900,
            earlier_cents: 1_000,
            contract_end_us: Some(NOW + 200 * DAY_US),
            ..Facts::default()
        };
        assert_eq!(kinds(&regular), []);
        assert_eq!(kinds(&Facts::default()), []);
    }

    #[test]
    fn silence_counts_in_the_customers_own_interval() {
        let of = |purchases: i64, last: i64| Facts {
            purchases,
            first_purchase_us: ago(90 + last),
            last_purchase_us: ago(last),
            ..Facts::default()
        };
        // Four purchases in 90 days: one in 30 days is usual.
        assert_eq!(kinds(&of(4, 60)), []);
        assert_eq!(kinds(&of(4, 61)), [ReasonKind::Overdue]);
        let found = warning(&of(4, 61), NOW).unwrap();
        assert_eq!((found.reasons[0].value, found.reasons[0].usual), (61.0, 30.0));
        assert_eq!(kinds(&of(2, 500)), [], "two purchases make no habit");
    }

    #[test]
    fn reasons_add_up_to_at_most_100_points_strongest_first() {
        let all = Facts {
            purchases: 4,
            first_purchase_us: ago(400),
            last_purchase_us: ago(300),
            recent_cents: 100,
            earlier_cents: 1_000,
            elsewhere_cents: 300,
            open_complaints: 2,
            contract_end_us: Some(NOW + 10 * DAY_US),
            withdrawn: 1,
        };
        let found = warning(&all, NOW).unwrap();
        assert_eq!(found.points, 100);
        assert_eq!(
            kinds(&all),
            [
                ReasonKind::Overdue,
                ReasonKind::FallingAmount,
                ReasonKind::OpenComplaint,
                ReasonKind::ContractEnds,
                ReasonKind::Competitor,
                ReasonKind::ConsentWithdrawn,
            ]
        );
        assert_eq!(found.reasons[4].value, 0.75);
    }
}
