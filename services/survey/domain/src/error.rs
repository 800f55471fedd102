//! What the rules refuse.

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value is missing, malformed or out of range.
    #[error("{field} {description}")]
    Invalid {
        /// JSON path of the field, relative to the object that was checked.
        field: String,
        /// What is wrong, without repeating the value.
        description: String,
    },
    /// The object's state does not allow it.
    #[error("{0}")]
    WrongState(&'static str),
}

impl Error {
    /// A wrong value.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), description: description.into() }
    }

    /// The same about a value inside of `outer`.
    #[must_use]
    pub fn within(self, outer: &str) -> Self {
        match self {
            Self::Invalid { field, description } => {
                Self::Invalid { field: format!("{outer}.{field}"), description }
            }
            other => other,
        }
    }
}

/// Result of a rule.
pub type Result<T> = std::result::Result<T, Error>;
