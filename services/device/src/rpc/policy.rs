//! How ratings are judged.

use std::sync::Arc;

use kit::{
    audit,
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{
    device::v1::{self, rating_policy_service_server::RatingPolicyService},
    names,
};
use serde_json::json;
use tonic::{Request, Response, Status};

use crate::{convert, state::App, store};

/// The policy service.
pub struct Policies(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl RatingPolicyService for Policies {
    async fn get_rating_policy(
        &self,
        request: Request<v1::GetRatingPolicyRequest>,
    ) -> Answer<v1::RatingPolicy> {
        let (caller, _) = open_request(request)?;
        let found = store::policy::find(self.0.db.read(), caller.org).await;
        let (policy, version) = found.map_err(Status::from)?;
        Ok(Response::new(convert::policy::to_proto(&policy, version)))
    }

    async fn update_rating_policy(
        &self,
        request: Request<v1::UpdateRatingPolicyRequest>,
    ) -> Answer<v1::RatingPolicy> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(update(&self.0, &caller, &request).await?))
    }
}

async fn update(
    app: &App,
    caller: &Caller,
    request: &v1::UpdateRatingPolicyRequest,
) -> Result<v1::RatingPolicy> {
    caller.authorize_organisation()?;
    let wanted = request.policy.clone().unwrap_or_default();
    let policy =
        convert::policy::of_proto(&wanted).map_err(|error| convert::error(error, "policy."))?;
    let tx = app.db.begin().await?;
    let (before, version) = store::policy::find(tx.conn(), caller.org).await?;
    if !wanted.etag.is_empty() && wanted.etag != convert::device::etag(version) {
        return Err(ServiceError::stale());
    }
    if before == policy {
        return Ok(convert::policy::to_proto(&policy, version));
    }
    if !store::policy::save(tx.conn(), caller.org, &policy, version).await? {
        return Err(ServiceError::stale());
    }
    let detail = json!({
        "defaultAfterWorkingDays": policy.default_after_working_days,
        "burstCount": policy.burst_count,
        "burstWindowMs": policy.burst_window_ms,
        "fastestResponseMs": policy.fastest_response_ms,
        "encounterGraceMin": policy.encounter_grace_min,
        "shiftMaxH": policy.shift_max_h,
        "openingGraceMin": policy.opening_grace_min,
        "holidays": policy.holidays.len(),
        "extraWorkingDays": policy.extra_working_days.len(),
    });
    let object = names::print("organisations", caller.org);
    audit::record(&tx, caller, &object, None, detail, app.clock.as_ref()).await?;
    tx.commit().await?;
    app.policies.forget(caller.org);
    Ok(convert::policy::to_proto(&policy, version + 1))
}
