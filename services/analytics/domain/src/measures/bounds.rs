//! What a number must be to make sense as an argument; NaN never is.

/// True for a finite number that is not negative.
pub fn is_amount(value: f64) -> bool {
    value >= 0.0 && value.is_finite()
}

/// True for a finite number above 0.
pub fn is_positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// True for a number from 0 to 1.
pub fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}
