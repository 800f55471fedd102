//! Update masks: which fields a change is about.

use kit::error::{Result, ServiceError};
use prost_types::FieldMask;

/// The fields that a change names, or all that it sets when it names none.
#[derive(Debug)]
pub struct Mask(Option<Vec<String>>);

impl Mask {
    /// Reads a mask in the spelling of the proto files or of JSON.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a field that is not among `changeable`.
    pub fn read(mask: Option<&FieldMask>, changeable: &[&str]) -> Result<Self> {
        let given = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        if given.is_empty() {
            return Ok(Self(None));
        }
        let mut paths = Vec::with_capacity(given.len());
        for (i, path) in given.iter().enumerate() {
            let path = snake(path);
            if !changeable.contains(&path.as_str()) {
                let text = format!("is none of {}", changeable.join(", "));
                return Err(ServiceError::invalid(format!("updateMask.paths[{i}]"), text));
            }
            paths.push(path);
        }
        Ok(Self(Some(paths)))
    }

    /// Whether a field changes; `is_set` decides when the caller named no fields.
    pub fn covers(&self, path: &str, is_set: bool) -> bool {
        match &self.0 {
            Some(paths) => paths.iter().any(|named| named == path),
            None => is_set,
        }
    }

    /// Puts `given` in place of `present` if the field changes.
    pub fn take<T: Default + PartialEq>(&self, path: &str, given: T, present: &mut T) {
        if self.covers(path, given != T::default()) {
            *present = given;
        }
    }
}

fn snake(path: &str) -> String {
    let mut snake = String::with_capacity(path.len() + 4);
    for c in path.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
