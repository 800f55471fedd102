//! Which customer a call is about, and whether the caller may act on it.

use kit::{
    auth::Caller,
    error::{Result, ServiceError},
};
use proto::common::v1::Permission;
use survey_domain::customer::{Customer, State};
use uuid::Uuid;

use crate::{convert, state::App, store};

fn absent() -> ServiceError {
    ServiceError::not_found("customer")
}

/// A customer that the caller may see and, by the rule of the method, act on; of a merged one the
/// customer that it was merged into.
///
/// # Errors
/// NOT_FOUND also for erased customers and those outside of what the caller may know of;
/// PERMISSION_DENIED for those that it sees only.
pub async fn customer_of(app: &App, caller: &Caller, field: &str, name: &str) -> Result<Customer> {
    let id = convert::id("customers", field, name)?;
    let customer = any_customer(app, caller, id).await?;
    if customer.state == State::Erased { Err(absent()) } else { Ok(customer) }
}

/// As [`customer_of`], erased ones included.
pub async fn any_customer(app: &App, caller: &Caller, id: Uuid) -> Result<Customer> {
    let found = store::customer::find_current(app.db.read(), caller.org, id).await?;
    let customer = found.ok_or_else(absent)?;
    caller.authorize_object(customer.unit, "customer")?;
    Ok(customer)
}

/// Whether the caller may see personal fields of customers of a unit.
pub fn sees_personal(caller: &Caller, unit: Uuid) -> bool {
    caller.may(Permission::CustomerReadPersonal, unit)
}

/// A unit that is in use, on which the caller holds the rule's permission.
///
/// # Errors
/// NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION for a retired one.
pub fn unit_in_use(caller: &Caller, unit: Uuid) -> Result<()> {
    caller.authorize(unit)?;
    let view = caller.view()?;
    let place = view.unit(unit).ok_or_else(|| ServiceError::not_found("unit"))?;
    if place.valid_to_us.is_some() {
        return Err(ServiceError::wrong_state("the unit is retired"));
    }
    Ok(())
}
