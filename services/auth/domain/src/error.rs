//! Why a rule refuses something: one variant for each reason that a caller can act on.

/// Result with [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field is missing, malformed or out of range; `field` is its JSON path.
    #[error("{field} {problem}")]
    Invalid {
        /// JSON path of the field.
        field: String,
        /// What is wrong with it, without repeating the value.
        problem: String,
    },
    /// A password that is too short, too long or too easy to guess.
    #[error("{field} {problem}")]
    WeakPassword {
        /// JSON path of the field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The change would make the tree a circle or too deep.
    #[error("{0}")]
    Cycle(&'static str),
    /// Something with the same name, number or code exists already.
    #[error("{0}")]
    AlreadyExists(&'static str),
    /// A quota on the number of objects is reached.
    #[error("{0}")]
    LimitReached(&'static str),
    /// Something still depends on the object.
    #[error("{0}")]
    InUse(&'static str),
    /// The object's state does not allow this.
    #[error("{0}")]
    WrongState(&'static str),
    /// The organisation would lose its last owner.
    #[error("an organisation keeps at least one owner who can sign in")]
    LastOwner,
    /// The caller would give or take more than it holds itself.
    #[error("this takes more permission than you hold there yourself")]
    AboveOwn,
    /// Someone else changed the object meanwhile.
    #[error("it was changed meanwhile; read it again")]
    Stale,
    /// A scope that does not exist or that the client does not hold.
    #[error("the scope is unknown or not granted to this client")]
    InvalidScope,
}

impl Error {
    /// A wrong field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}
