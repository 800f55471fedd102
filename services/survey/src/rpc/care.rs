//! Reminders and referrals.

use std::sync::Arc;

use kit::auth::{open_change, open_request};
use proto::survey::v1::{self, care_service_server::CareService};
use tonic::{Request, Response, Status};

use crate::{
    customers::{care, referrals},
    state::App,
};

/// The care service.
pub struct Care(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CareService for Care {
    async fn list_reminders(
        &self,
        request: Request<v1::ListRemindersRequest>,
    ) -> Answer<v1::ListRemindersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(care::list(&self.0, &caller, &request).await?))
    }

    async fn complete_reminder(
        &self,
        request: Request<v1::CompleteReminderRequest>,
    ) -> Answer<v1::Reminder> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(care::complete(&self.0, &caller, &request).await?))
    }

    async fn create_referral(
        &self,
        request: Request<v1::CreateReferralRequest>,
    ) -> Answer<v1::Referral> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(referrals::create(&self.0, &caller, &request).await?))
    }

    async fn update_referral(
        &self,
        request: Request<v1::UpdateReferralRequest>,
    ) -> Answer<v1::Referral> {
        let (caller, request) = open_change(request, "referral")?;
        Ok(Response::new(referrals::update(&self.0, &caller, request).await?))
    }

    async fn list_referrals(
        &self,
        request: Request<v1::ListReferralsRequest>,
    ) -> Answer<v1::ListReferralsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(referrals::list(&self.0, &caller, &request).await?))
    }
}
