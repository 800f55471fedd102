//! How a campaign's sample is drawn.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Error, Result,
    sampling::{MIN_PER_STRATUM_MAX, Method, StratumKind, Wanted, allocation},
};

/// A design of a sample; numbers are those of the contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Method.
    pub method: i16,
    /// Customers to draw; 0 computes it.
    pub size: i32,
    /// Margin of error that decides the size, or 0.
    pub margin: f64,
    /// Confidence of the margin.
    pub confidence: f64,
    /// Expected share of answers; 0 means the campaign's target.
    pub response_rate: f64,
    /// Units whose customers are meant, with those below them; empty means the campaign's.
    pub units: Vec<Uuid>,
    /// Only customers of this segment.
    pub segment: Option<Uuid>,
    /// What strata are made of.
    pub strata: i16,
    /// Fewest of each stratum.
    pub min_per_stratum: i32,
    /// Spread by stratum; one without counts as 1.
    pub deviations: Vec<(Uuid, f64)>,
    /// Seed; 0 until the server chose one.
    pub seed: i64,
}

impl Design {
    /// Method.
    pub fn method(&self) -> Method {
        Method::from_number(i32::from(self.method)).unwrap_or(Method::Census)
    }

    /// What strata are made of.
    pub fn strata(&self) -> StratumKind {
        StratumKind::from_number(i32::from(self.strata)).unwrap_or_default()
    }

    /// What decides the size, given the campaign's targets.
    pub fn wanted(&self, rate_target: f64, min_responses: i32) -> Wanted {
        Wanted {
            size: i64::from(self.size),
            margin: self.margin,
            confidence: self.confidence,
            response_rate: if self.response_rate == 0.0 { rate_target } else { self.response_rate },
            min_responses: u64::try_from(min_responses).unwrap_or_default(),
        }
    }

    /// Spread of a stratum.
    pub fn deviation(&self, stratum: Option<Uuid>) -> f64 {
        let given = self.deviations.iter().find(|(id, _)| Some(*id) == stratum);
        given.map_or(1.0, |(_, deviation)| *deviation)
    }

    /// How the sample is shared out.
    pub fn rule(&self) -> allocation::Rule {
        match self.method() {
            Method::Optimal => allocation::Rule::Optimal,
            _ => allocation::Rule::Proportional,
        }
    }

    /// Checks a design as it was sent.
    ///
    /// # Errors
    /// Invalid, with the field of the design.
    pub fn check(&self) -> Result<()> {
        let Some(method) = Method::from_number(i32::from(self.method)) else {
            return Err(Error::invalid("method", "is required"));
        };
        if StratumKind::from_number(i32::from(self.strata)).is_none() {
            return Err(Error::invalid("strata", "is no kind of strata"));
        }
        let rate = if self.response_rate == 0.0 { 1.0 } else { self.response_rate };
        Wanted { response_rate: rate, ..self.wanted(1.0, 0) }.check(method)?;
        if !(0..=MIN_PER_STRATUM_MAX).contains(&i64::from(self.min_per_stratum)) {
            return Err(Error::invalid("minPerStratum", "is not between 0 and 100000"));
        }
        for (i, (stratum, deviation)) in self.deviations.iter().enumerate() {
            if !(*deviation >= 0.0 && deviation.is_finite()) {
                let field = format!("deviations[{i}].deviation");
                return Err(Error::invalid(field, "is not 0 or more"));
            }
            if self.deviations[..i].iter().any(|(other, _)| other == stratum) {
                let field = format!("deviations[{i}].stratum");
                return Err(Error::invalid(field, "names a stratum twice"));
            }
        }
        Ok(())
    }
}
