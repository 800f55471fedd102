//! Update masks: which fields a change is about.

use prost_types::FieldMask;

use crate::error::{Result, ServiceError};

/// The fields that a change names, or all that it sets when it names none.
#[derive(Debug)]
pub struct Mask(Option<Vec<String>>);

impl Mask {
    /// Reads a mask in the spelling of the proto files or of JSON; `*` names every field.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for a field that is not among `changeable`.
    pub fn read(mask: Option<&FieldMask>, changeable: &[&str]) -> Result<Self> {
        let given = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        if given.is_empty() {
            return Ok(Self(None));
        }
        let mut paths = Vec::with_capacity(given.len());
        for (index, path) in given.iter().enumerate() {
            let path = snake(path);
            if path == "*" {
                paths.extend(changeable.iter().map(|path| (*path).to_owned()));
            } else if changeable.contains(&path.as_str()) {
                paths.push(path);
            } else {
                let text = format!("is none of {}", changeable.join(", "));
                return Err(ServiceError::invalid(format!("updateMask.paths[{index}]"), text));
            }
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

    /// Refuses a value that this call cannot change, when it differs from the present one.
    /// With a mask such values are not looked at.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for `field`.
    pub fn keeps(&self, field: &str, given: &str, present: &str) -> Result<()> {
        if self.0.is_some() || given.is_empty() || given == present {
            return Ok(());
        }
        Err(ServiceError::invalid(field, "cannot be changed by this call"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str]) -> Result<Mask> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Mask::read(Some(&FieldMask { paths }), &["display_name", "code"])
    }

    #[test]
    fn a_mask_decides_and_without_one_what_is_set_decides() {
        for spelling in ["display_name", "displayName"] {
            let mask = read(&[spelling]).unwrap();
            assert!(mask.covers("display_name", false) && !mask.covers("code", true));
        }
        let none = read(&[]).unwrap();
        assert!(none.covers("code", true) && !none.covers("code", false));
        assert!(read(&["*"]).unwrap().covers("code", false));
        assert!(read(&["password_hash"]).is_err());
        assert!(none.keeps("f", "a", "b").is_err() && none.keeps("f", "", "b").is_ok());
    }

    #[test]
    fn a_field_that_cannot_be_changed_is_named_by_its_place_in_the_mask() {
        let refused = read(&["code", "role"]).unwrap_err();
        assert_eq!(refused.violations()[0].field, "updateMask.paths[1]");
    }

    #[test]
    fn a_named_field_is_emptied_and_an_unnamed_one_stays() {
        let mut value = "before".to_owned();
        read(&["display_name"]).unwrap().take("code", "after".to_owned(), &mut value);
        assert_eq!(value, "before");
        read(&[]).unwrap().take("code", String::new(), &mut value);
        assert_eq!(value, "before");
        read(&["code"]).unwrap().take("code", String::new(), &mut value);
        assert_eq!(value, "");
    }
}
