//! What every call on questionnaires begins with: reading names, loading, checking definitions.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use prost::Message as _;
use proto::{common::v1::Reason, survey::v1, validate::Violation};
use sea_orm::ConnectionTrait;
use survey_domain::{
    Error,
    questionnaire::{
        DEFINITION_BYTES_MAX, Definition, Problem, Version, canonical, check::check, record::Record,
    },
};
use tonic::Code;
use uuid::Uuid;

use super::{access, convert};
use crate::{state::App, store};

/// Refusals of the rules, as the caller sees them.
pub fn refused(error: Error) -> ServiceError {
    match error {
        Error::Invalid { field, description } => ServiceError::invalid(field, description),
        Error::WrongState(text) => ServiceError::wrong_state(text),
    }
}

/// Id of a questionnaire's name.
pub fn id(field: &str, name: &str) -> Result<Uuid> {
    kit::name::id("questionnaires", field, name)
}

/// Id of a unit that exists in the caller's organisation.
pub fn unit(field: &str, name: &str) -> Result<Uuid> {
    kit::name::id("units", field, name)
}

/// "No such questionnaire", also for one that the caller may not know of.
pub fn absent() -> ServiceError {
    ServiceError::not_found("questionnaire")
}

/// A sound definition of the contract's message; `place` is its JSON path.
///
/// # Errors
/// TOO_LARGE beyond 512 KiB; otherwise every problem with its path.
pub fn sound(place: &str, message: v1::Definition) -> Result<Definition> {
    if message.encoded_len() > DEFINITION_BYTES_MAX {
        let text = format!("the definition is larger than {DEFINITION_BYTES_MAX} bytes");
        return Err(ServiceError::new(Code::ResourceExhausted, Reason::TooLarge, text));
    }
    let definition = convert::definition(message);
    match check(&definition) {
        problems if problems.is_empty() => Ok(definition),
        problems => Err(unsound(place, problems)),
    }
}

fn unsound(place: &str, problems: Vec<Problem>) -> ServiceError {
    let violation = |problem: Problem| Violation {
        field: format!("{place}.{}", problem.place),
        description: problem.description,
    };
    ServiceError::invalid_fields(problems.into_iter().map(violation).collect())
}

/// A questionnaire that the caller may read.
pub async fn readable(app: &App, caller: &Caller, name: &str) -> Result<Record> {
    let id = id("name", name)?;
    let found = store::questionnaire::find(app.db.read(), caller.org, id).await?;
    let record = found.ok_or_else(absent)?;
    access::may_read(caller, record.unit)?;
    Ok(record)
}

/// A questionnaire that the caller may change, kept from changing until the transaction ends.
pub async fn changeable(
    conn: &impl ConnectionTrait,
    caller: &Caller,
    name: &str,
) -> Result<Record> {
    let id = id("name", name)?;
    let found = store::questionnaire::find_locked(conn, caller.org, id).await?;
    let record = found.filter(|record| record.delete_us.is_none()).ok_or_else(absent)?;
    access::may_manage(caller, record.unit)?;
    Ok(record)
}

/// A version to be shown or answered; 0 means the draft.
pub async fn version(app: &App, record: &Record, number: i32) -> Result<Version> {
    if number == 0 {
        let definition = record.definition.clone();
        let hash = canonical::hash(&definition);
        return Ok(Version::new(record.id, 0, hash, definition));
    }
    let conn = app.db.read();
    let found = store::questionnaire::find_version(conn, record.org, record.id, number).await?;
    let found = found.ok_or_else(|| ServiceError::not_found("version"))?;
    Ok(Version::new(record.id, number, found.hash, found.definition))
}
