//! Loyalty.

use std::sync::Arc;

use kit::auth::open_request;
use proto::survey::v1::{self, loyalty_service_server::LoyaltyService};
use tonic::{Request, Response, Status};

use crate::{customers::loyalty, state::App};

/// The loyalty service.
pub struct LoyaltyFigures(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl LoyaltyService for LoyaltyFigures {
    async fn query_loyalty(
        &self,
        request: Request<v1::QueryLoyaltyRequest>,
    ) -> Answer<v1::LoyaltyFigures> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(loyalty::query(&self.0, &caller, &request).await?))
    }

    async fn list_leave_warnings(
        &self,
        request: Request<v1::ListLeaveWarningsRequest>,
    ) -> Answer<v1::ListLeaveWarningsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(loyalty::warnings(&self.0, &caller, &request).await?))
    }
}
