//! What became of those who were asked.

use serde::Serialize;

use crate::measures::bounds::{is_amount, is_share};
use crate::measures::reason::{Invalid, Reason, Result};

/// Final outcomes, as numbers or sums of weights; none is negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcomes {
    /// Complete interviews (I).
    pub interviews: f64,
    /// Partial interviews (P).
    pub partial: f64,
    /// Refusals and break-offs (R).
    pub refusals: f64,
    /// Non-contacts (NC).
    pub non_contacts: f64,
    /// Others who were eligible (O).
    pub other: f64,
    /// Unknown whether there is a household (UH).
    pub unknown_household: f64,
    /// Unknown for other reasons (UO).
    pub unknown_other: f64,
    /// Share of the unknown who are eligible (e), in \[0, 1\].
    pub eligible: f64,
}

/// The rates of the AAPOR, in \[0, 1\].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Rates {
    /// Complete interviews of all.
    pub rr1: Option<f64>,
    /// With partial ones.
    pub rr2: Option<f64>,
    /// As RR1, of the unknown only those estimated to be eligible.
    pub rr3: Option<f64>,
    /// As RR3, with partial ones.
    pub rr4: Option<f64>,
    /// As RR1, without the unknown.
    pub rr5: Option<f64>,
    /// As RR5, with partial ones.
    pub rr6: Option<f64>,
    /// Complete interviews of all who were reached.
    pub coop1: Option<f64>,
    /// With partial ones.
    pub coop2: Option<f64>,
    /// Complete interviews of all who were reached and able.
    pub coop3: Option<f64>,
    /// With partial ones.
    pub coop4: Option<f64>,
    /// Refusals, of the base of RR1.
    pub ref1: Option<f64>,
    /// Of the base of RR3.
    pub ref2: Option<f64>,
    /// Of the base of RR5.
    pub ref3: Option<f64>,
    /// Reached, of the base of RR1.
    pub con1: Option<f64>,
    /// Of the base of RR3.
    pub con2: Option<f64>,
    /// Of the base of RR5.
    pub con3: Option<f64>,
    /// Why something is missing.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Response, cooperation, refusal and contact rates.
///
/// Formula: RR1 = I/(I+P+R+NC+O+UH+UO), RR2 with I+P; RR3, RR4 with e·(UH+UO); RR5, RR6 without
/// them; COOP1 = I/(I+P+R+O), COOP2 with I+P; COOP3 = I/(I+P+R), COOP4 with I+P; REF = R and
/// CON = I+P+R+O over the bases of RR1, RR3, RR5.
///
/// Source: AAPOR Standard Definitions.
///
/// Edge cases: denominator 0: `zero_denominator`.
///
/// Errors: a negative number, e outside \[0, 1\].
pub fn rates(o: Outcomes) -> Result<Rates> {
    let named = [
        ("I", o.interviews),
        ("P", o.partial),
        ("R", o.refusals),
        ("NC", o.non_contacts),
        ("O", o.other),
        ("UH", o.unknown_household),
        ("UO", o.unknown_other),
    ];
    if let Some((name, _)) = named.iter().find(|(_, number)| !is_amount(*number)) {
        return Err(Invalid::new(*name, "must not be negative"));
    }
    if !is_share(o.eligible) {
        return Err(Invalid::new("e", "must lie between 0 and 1"));
    }
    let (complete, both) = (o.interviews, o.interviews + o.partial);
    let able = both + o.refusals;
    let reached = able + o.other;
    let known = reached + o.non_contacts;
    let unknown = o.unknown_household + o.unknown_other;
    let bases = [known + unknown, known + o.eligible * unknown, known];
    let of = |part: f64, base: f64| (base > 0.0).then(|| (part / base).clamp(0.0, 1.0));
    let mut rates = Rates {
        rr1: of(complete, bases[0]),
        rr2: of(both, bases[0]),
        rr3: of(complete, bases[1]),
        rr4: of(both, bases[1]),
        rr5: of(complete, bases[2]),
        rr6: of(both, bases[2]),
        coop1: of(complete, reached),
        coop2: of(both, reached),
        coop3: of(complete, able),
        coop4: of(both, able),
        ref1: of(o.refusals, bases[0]),
        ref2: of(o.refusals, bases[1]),
        ref3: of(o.refusals, bases[2]),
        con1: of(reached, bases[0]),
        con2: of(reached, bases[1]),
        con3: of(reached, bases[2]),
        reason: None,
    };
    // The smallest base is that of those who were able.
    rates.reason = (able == 0.0).then_some(Reason::ZeroDenominator);
    Ok(rates)
}

/// A mailing of questionnaires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Returns {
    /// Sent.
    pub sent: u64,
    /// Of these never delivered.
    pub undeliverable: u64,
    /// Came back.
    pub returned: u64,
    /// Of these usable.
    pub valid: u64,
    /// Return rate that suffices, in \[0, 1\].
    pub threshold: f64,
    /// Usable ones that suffice.
    pub min_n: u64,
}

/// How a mailing came back, as shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReturnRate {
    /// Returned ÷ delivered.
    pub return_rate: Option<f64>,
    /// Usable ÷ delivered.
    pub valid_rate: Option<f64>,
    /// Usable ÷ returned.
    pub validity_share: Option<f64>,
    /// True if the return rate reaches the threshold.
    pub meets_return_threshold: Option<bool>,
    /// True if there are enough usable ones.
    pub meets_min_n: bool,
    /// Why something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Return rate (回收率) of questionnaires.
///
/// Formula: returned/(sent - undeliverable), valid/(sent - undeliverable), valid/returned; 70 %
/// and 10 usable ones suffice unless the survey says otherwise.
///
/// Source: the satisfaction guideline this suite follows.
///
/// Edge cases: nothing delivered, or nothing returned: `no_data`.
///
/// Errors: more undeliverable than sent, more returned than delivered, more usable than
/// returned, a threshold outside \[0, 1\].
pub fn return_rate(of: Returns) -> Result<ReturnRate> {
    let Some(delivered) = of.sent.checked_sub(of.undeliverable) else {
        return Err(Invalid::new("undeliverable", "must not be larger than sent"));
    };
    if of.returned > delivered {
        return Err(Invalid::new("returned", "must not be larger than what was delivered"));
    }
    if of.valid > of.returned {
        return Err(Invalid::new("valid", "must not be larger than returned"));
    }
    if !is_share(of.threshold) {
        return Err(Invalid::new("threshold", "must lie between 0 and 1"));
    }
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let return_rate = share(of.returned, delivered);
    let validity_share = share(of.valid, of.returned);
    Ok(ReturnRate {
        return_rate,
        valid_rate: share(of.valid, delivered),
        validity_share,
        meets_return_threshold: return_rate.map(|rate| rate >= of.threshold),
        meets_min_n: of.valid >= of.min_n,
        reason: validity_share.is_none().then_some(Reason::NoData),
    })
}
