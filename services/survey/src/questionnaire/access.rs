//! Who may read and change a questionnaire: it is readable from its own unit, from those above
//! and from those below, since branches use what headquarters wrote; it is changed only from
//! its own unit and those above.

use std::collections::BTreeSet;

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::common::v1::Permission;
use tonic::Code;
use uuid::Uuid;

use super::ground::absent;

/// What lets one read questionnaires.
const READ: Permission = Permission::QuestionnaireRead;

/// Refuses who may not read a questionnaire of a unit, as "not found".
pub fn may_read(caller: &Caller, unit: Uuid) -> Result<()> {
    let denied = match caller.authorize_for(READ, unit) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if reads_from_below(caller, unit)? {
        return Ok(());
    }
    // A unit that the caller sees without this permission is "denied", others are "not found".
    if denied.code() == Code::NotFound { Err(absent()) } else { Err(denied) }
}

/// Refuses who may not change a questionnaire of a unit: "denied" to those who may read it.
pub fn may_manage(caller: &Caller, unit: Uuid) -> Result<()> {
    let denied = match caller.authorize(unit) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if denied.code() == Code::NotFound && !reads_from_below(caller, unit)? {
        return Err(absent());
    }
    Err(ServiceError::denied())
}

fn reads_from_below(caller: &Caller, unit: Uuid) -> Result<bool> {
    if caller.visible_for(READ)?.is_none() {
        return Ok(false);
    }
    let view = caller.view()?;
    let roots = view.roots_with(caller.subject, READ);
    Ok(roots.iter().any(|root| view.is_within(*root, unit)))
}

/// Units whose questionnaires a list shows: those of `unit` and below, or everything readable.
/// `None` means the whole organisation.
pub fn listed(caller: &Caller, unit: Option<Uuid>) -> Result<Option<Vec<Uuid>>> {
    let visible = caller.visible()?;
    let view = caller.view()?;
    let roots = view.roots_with(caller.subject, READ);
    if let Some(unit) = unit
        && !visible.is_none()
        && roots.iter().any(|root| view.is_within(*root, unit))
    {
        // A unit above: its questionnaires, those between, and those below that are visible.
        let mut units: BTreeSet<Uuid> = visible.units().into_iter().collect();
        units.extend(roots.iter().flat_map(|root| view.upward(*root)));
        return Ok(Some(units.into_iter().filter(|u| view.is_within(*u, unit)).collect()));
    }
    let Some(units) = visible.narrowed(unit)? else { return Ok(None) };
    if unit.is_some() {
        return Ok(Some(units));
    }
    let mut units: BTreeSet<Uuid> = units.into_iter().collect();
    if !visible.is_none() {
        units.extend(roots.iter().flat_map(|root| view.upward(*root)));
    }
    Ok(Some(units.into_iter().collect()))
}
