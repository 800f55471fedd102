//! Purchases, interactions and triggers.

use std::sync::Arc;

use kit::auth::open_request;
use proto::survey::v1::{self, customer_record_service_server::CustomerRecordService};
use tonic::{Request, Response, Status};

use crate::{
    customers::{record_convert, triggers},
    state::App,
};

/// The service of what customers did.
pub struct CustomerRecords(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CustomerRecordService for CustomerRecords {
    async fn batch_record_purchases(
        &self,
        request: Request<v1::BatchRecordPurchasesRequest>,
    ) -> Answer<v1::BatchRecordResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(record_convert::record_purchases(&self.0, &caller, request).await?))
    }

    async fn list_purchases(
        &self,
        request: Request<v1::ListPurchasesRequest>,
    ) -> Answer<v1::ListPurchasesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(record_convert::list_purchases(&self.0, &caller, &request).await?))
    }

    async fn batch_record_interactions(
        &self,
        request: Request<v1::BatchRecordInteractionsRequest>,
    ) -> Answer<v1::BatchRecordResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(record_convert::record_interactions(&self.0, &caller, request).await?))
    }

    async fn list_interactions(
        &self,
        request: Request<v1::ListInteractionsRequest>,
    ) -> Answer<v1::ListInteractionsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(record_convert::list_interactions(&self.0, &caller, &request).await?))
    }

    async fn create_trigger(
        &self,
        request: Request<v1::CreateTriggerRequest>,
    ) -> Answer<v1::Trigger> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(triggers::create(&self.0, &caller, &request).await?))
    }

    async fn list_triggers(
        &self,
        request: Request<v1::ListTriggersRequest>,
    ) -> Answer<v1::ListTriggersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(triggers::list(&self.0, &caller, &request).await?))
    }

    async fn retire_trigger(
        &self,
        request: Request<v1::RetireTriggerRequest>,
    ) -> Answer<v1::Trigger> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(triggers::retire(&self.0, &caller, &request.name).await?))
    }

    async fn list_due_triggers(
        &self,
        request: Request<v1::ListDueTriggersRequest>,
    ) -> Answer<v1::ListDueTriggersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(triggers::list_due(&self.0, &caller, &request).await?))
    }
}
