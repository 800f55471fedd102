//! What can keep a figure from being measured.

use std::{io, path::PathBuf};

use kit::error::ServiceError;
use tonic::Status;

/// Result with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a measurement stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused a statement of the benchmark itself.
    #[error("{what}: {source}")]
    Database {
        /// What was tried.
        what: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A file or folder could not be used.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program did not start or ended by itself.
    #[error("{name}: {text}")]
    Program {
        /// Which program.
        name: String,
        /// What happened.
        text: String,
    },
    /// A call was refused.
    #[error("{what}: {source}")]
    Call {
        /// What was tried.
        what: String,
        /// The answer.
        source: Box<ServiceError>,
    },
    /// Setting up through the public contract failed.
    #[error(transparent)]
    Client(#[from] tools::error::Error),
    /// The work was done, but its result does not allow a figure.
    #[error("{0}")]
    Unsound(String),
}

impl Error {
    /// A program's failure.
    pub fn program(name: impl Into<String>, text: impl ToString) -> Self {
        Self::Program { name: name.into(), text: text.to_string() }
    }

    /// A file's failure.
    pub fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { path: path.into(), source }
    }
}

/// Says what was being done when something failed.
pub trait During<T> {
    /// The same result with `what` in its error.
    fn during(self, what: &str) -> Result<T>;
}

impl<T> During<T> for std::result::Result<T, sqlx::Error> {
    fn during(self, what: &str) -> Result<T> {
        self.map_err(|source| Error::Database { what: what.to_owned(), source })
    }
}

impl<T> During<T> for std::result::Result<T, Status> {
    fn during(self, what: &str) -> Result<T> {
        let call = |status| Error::Call { what: what.to_owned(), source: Box::new(status) };
        self.map_err(|status| call(ServiceError::from(status)))
    }
}

impl<T> During<T> for kit::error::Result<T> {
    fn during(self, what: &str) -> Result<T> {
        self.map_err(|source| Error::Call { what: what.to_owned(), source: Box::new(source) })
    }
}
