//! Random numbers with the distributions of waiting and serving. One seed, one sequence.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// A reproducible source of randomness.
#[derive(Debug, Clone)]
pub struct Dice(StdRng);

impl Dice {
    /// The source with this seed; `stream` tells several sources of one seed apart.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(StdRng::seed_from_u64(seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    /// Evenly between `low` (included) and `high` (excluded).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// One of `0..n`; 0 when there is nothing to choose from.
    pub fn pick(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// Exponential with this mean: the time to the next of independent happenings.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }

    /// Normal with this mean and standard deviation.
    pub fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        mean + sd * radius * (std::f64::consts::TAU * self.0.random::<f64>()).cos()
    }

    /// Log-normal with this mean; `spread` is the standard deviation of its logarithm.
    pub fn log_normal(&mut self, mean: f64, spread: f64) -> f64 {
        (mean.ln() - spread * spread / 2.0 + self.normal(0.0, spread)).exp()
    }

    /// Ten random bytes: what makes an id unique.
    pub fn entropy(&mut self) -> [u8; 10] {
        self.0.random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_what_they_are_said_to_be() {
        let mut dice = Dice::new(7, 0);
        let mean = |f: &mut dyn FnMut() -> f64| (0..40_000).map(|_| f()).sum::<f64>() / 40_000.0;
        assert!((mean(&mut || dice.exponential(30.0)) - 30.0).abs() < 1.0);
        let mut dice = Dice::new(7, 1);
        assert!((mean(&mut || dice.log_normal(30.0, 0.5)) - 30.0).abs() < 1.0);
    }
}
