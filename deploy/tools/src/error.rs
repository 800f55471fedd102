//! What can go wrong in a program, and the exit code that says so.

use std::{io, path::PathBuf, process::ExitCode};

use kit::error::ServiceError;
use tonic::Code;

/// Result with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a program stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line or an input file makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The suite refused a call or could not be reached.
    #[error("{what}: {error}")]
    Call {
        /// What was tried, such as `signing in`.
        what: String,
        /// The answer.
        error: Box<ServiceError>,
    },
    /// The work was done and its result is not good.
    #[error("{0}")]
    Unsatisfied(String),
}

impl Error {
    /// An error of the file `path`.
    pub fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File { path: path.into(), source }
    }

    /// An answer of the suite to `what`.
    pub fn call(what: impl Into<String>, error: impl Into<ServiceError>) -> Self {
        Self::Call { what: what.into(), error: Box::new(error.into()) }
    }

    /// Whether the suite answered with this code.
    pub fn is_code(&self, code: Code) -> bool {
        matches!(self, Self::Call { error, .. } if error.code() == code)
    }

    /// Says where the suite was looked for, when nobody answered there.
    #[must_use]
    pub fn at(self, gateway: &str) -> Self {
        match self {
            Self::Call { what, error } if error.code() == Code::Unavailable => {
                let what = format!("{what} at {gateway} (is it the address of --gateway?)");
                Self::Call { what, error }
            }
            other => other,
        }
    }

    /// The exit code: 1 unsatisfied, 2 usage or files, 3 not reachable, 4 refused.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Unsatisfied(_) => 1,
            Self::Usage(_) | Self::File { .. } => 2,
            Self::Call { error, .. } => match error.code() {
                Code::Unavailable | Code::DeadlineExceeded => 3,
                _ => 4,
            },
        })
    }
}

/// Text for the end of `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 done, but something was refused or a check \
                              failed; 2 wrong usage or a file problem; 3 the suite cannot be \
                              reached; 4 the suite refused a call.";
