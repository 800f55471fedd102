//! Who may see which figures, beyond the rule of the method: figures of single staff members
//! are for those who may compare them, and for each staff member its own.

use kit::{
    auth::Caller,
    directory::{OrgView, Subject},
    error::{Result, ServiceError},
};
use proto::common::v1::Permission;
use uuid::Uuid;

/// Checks that the caller may see figures of `unit`; the staff members to limit them to, if
/// staff is asked for. `asked` are those named in the filter.
///
/// # Errors
/// NOT_FOUND for a unit outside of what the caller may know of, PERMISSION_DENIED for other
/// staff than oneself without the permission to compare them.
pub fn check(
    caller: &Caller,
    view: &OrgView,
    unit: Uuid,
    by_staff: bool,
    asked: &[Uuid],
) -> Result<Vec<Uuid>> {
    let Some(limited) = limit(caller, unit)? else {
        return compare(caller, view, unit, by_staff, asked);
    };
    match asked.iter().all(|staff| *staff == limited) {
        true => Ok(vec![limited]),
        false => Err(ServiceError::denied()),
    }
}

/// The one staff member whose figures the caller may see on `unit`; none when there is no such
/// limit.
///
/// # Errors
/// NOT_FOUND for a unit outside of what the caller may know of, PERMISSION_DENIED for a visible
/// one without the permission.
pub fn limit(caller: &Caller, unit: Uuid) -> Result<Option<Uuid>> {
    let Err(refused) = caller.authorize(unit) else { return Ok(None) };
    match caller.own_staff()? {
        Some(own) if !caller.permissions_on(unit)?.is_empty() => Ok(Some(own)),
        _ => Err(refused),
    }
}

/// Units whose parts, as they are now, the caller may see by name in figures of `unit`; none
/// for all.
pub fn seen(caller: &Caller, unit: Uuid) -> Vec<Uuid> {
    // Whoever sees only the own figures may name no unit beyond the one asked for.
    let Ok(visible) = caller.visible() else { return vec![unit] };
    if visible.is_all() {
        return Vec::new();
    }
    let mut seen = visible.roots().to_vec();
    seen.push(unit);
    seen.sort_unstable();
    seen.dedup();
    seen
}

/// Who may see figures of the unit sees those of single staff members only with a permission.
fn compare(
    caller: &Caller,
    view: &OrgView,
    unit: Uuid,
    by_staff: bool,
    asked: &[Uuid],
) -> Result<Vec<Uuid>> {
    if !by_staff && asked.is_empty() {
        return Ok(Vec::new());
    }
    if caller.may(Permission::AnalyticsRankStaff, unit) {
        return Ok(asked.to_vec());
    }
    let own = match caller.subject {
        Subject::User(user) => view.staff_of_user(user).map(|staff| staff.id),
        _ => None,
    };
    match own {
        Some(own) if asked.iter().all(|staff| *staff == own) => Ok(vec![own]),
        _ => Err(ServiceError::denied()),
    }
}
