//! Samples from a list of customers: how many, how many of each stratum, and which.
//!
//! A draw needs no order and no generator with a state. Each customer gets a number from the
//! seed and its id ([`draw::number`]), and those with the smallest numbers are the sample: the
//! same seed and frame give the same sample on every machine, however the frame is read.

pub mod allocation;
pub mod draw;
pub mod exclusion;
pub mod size;

use crate::{Error, Result};

/// How customers are chosen; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
pub enum Method {
    /// Everybody.
    Census = 1,
    /// Everybody with the same chance.
    SimpleRandom = 2,
    /// From each stratum in proportion to its size.
    Proportional = 3,
    /// From each stratum in proportion to its size and spread.
    Optimal = 4,
    /// By importance, without replacement.
    Importance = 5,
}

impl Method {
    /// By its number.
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Census, Self::SimpleRandom, Self::Proportional, Self::Optimal, Self::Importance]
            .into_iter()
            .find(|method| *method as i32 == number)
    }

    /// Whether it draws from each stratum for itself.
    pub fn is_stratified(self) -> bool {
        matches!(self, Self::Proportional | Self::Optimal)
    }
}

/// What strata are made of; numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(i16)]
pub enum StratumKind {
    /// Class of the customer.
    #[default]
    CustomerClass = 1,
    /// Unit of the customer.
    Unit = 2,
}

impl StratumKind {
    /// By its number; 0 is by class.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 | 1 => Some(Self::CustomerClass),
            2 => Some(Self::Unit),
            _ => None,
        }
    }
}

/// Largest sample; a larger one is a census.
pub const SIZE_MAX: i64 = 10_000_000;
/// Largest fewest of a stratum.
pub const MIN_PER_STRATUM_MAX: i64 = 100_000;

/// What decides the number of customers to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Customers; 0 computes them from the margin.
    pub size: i64,
    /// Margin of error of a share, above 0 and below 1; 0 when the size is given.
    pub margin: f64,
    /// Confidence, 0.5 to 0.999.
    pub confidence: f64,
    /// Share of the invited that is expected to answer, above 0 up to 1.
    pub response_rate: f64,
    /// Fewest answers that are wanted.
    pub min_responses: u64,
}

impl Wanted {
    /// Checks a design as it was sent; `method` decides what it needs.
    ///
    /// # Errors
    /// Invalid, with the field of the design.
    pub fn check(&self, method: Method) -> Result<()> {
        if !(0..=SIZE_MAX).contains(&self.size) {
            return Err(Error::invalid("size", "is not between 0 and 10000000"));
        }
        size::check_confidence("confidence", self.confidence)?;
        size::check_rate("responseRate", self.response_rate)?;
        if self.margin != 0.0 && !(self.margin > 0.0 && self.margin < 1.0) {
            return Err(Error::invalid("margin", "is not above 0 and below 1"));
        }
        if method != Method::Census && self.size == 0 && self.margin == 0.0 {
            return Err(Error::invalid("size", "is required, or a margin"));
        }
        Ok(())
    }

    /// Customers to draw of `population`.
    pub fn of(&self, method: Method, population: u64) -> u64 {
        if method == Method::Census {
            return population;
        }
        if let Some(size) = u64::try_from(self.size).ok().filter(|size| *size > 0) {
            return size.min(population);
        }
        let wanted = size::Share {
            margin: self.margin,
            proportion: 0.5,
            population: Some(population),
            confidence: self.confidence,
            design_effect: 1.0,
            min: self.min_responses,
        };
        let answers = size::for_share(&wanted).map_or(population, |size| size.n);
        size::invitations(answers, self.response_rate).min(population)
    }
}
