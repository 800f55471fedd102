//! Plans, campaigns, samples, invitations and the counts of fieldwork.

pub mod campaign;
pub mod count;
pub mod exclusion;
pub mod history;
pub mod invitation;
pub mod invited;
pub mod link;
pub mod next_call;
pub mod plan;
pub mod quota;
pub mod sample;

use kit::error::{Result, ServiceError};

/// Reads JSON that we wrote.
fn parsed<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| ServiceError::internal(format!("{what}: {error}")))
}

/// Writes JSON.
fn printed(what: &str, value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| ServiceError::internal(format!("{what}: {error}")))
}
