//! Competitors.

use std::sync::Arc;

use kit::auth::{open_change, open_request};
use proto::survey::v1::{self, competitor_service_server::CompetitorService};
use tonic::{Request, Response, Status};

use crate::{customers::competitors, state::App};

/// The competitor service.
pub struct Competitors(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CompetitorService for Competitors {
    async fn create_competitor(
        &self,
        request: Request<v1::CreateCompetitorRequest>,
    ) -> Answer<v1::Competitor> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(competitors::create(&self.0, &caller, &request).await?))
    }

    async fn get_competitor(
        &self,
        request: Request<v1::GetCompetitorRequest>,
    ) -> Answer<v1::Competitor> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(competitors::get(&self.0, &caller, &request.name).await?))
    }

    async fn list_competitors(
        &self,
        request: Request<v1::ListCompetitorsRequest>,
    ) -> Answer<v1::ListCompetitorsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(competitors::list(&self.0, &caller, &request).await?))
    }

    async fn update_competitor(
        &self,
        request: Request<v1::UpdateCompetitorRequest>,
    ) -> Answer<v1::Competitor> {
        let (caller, request) = open_change(request, "competitor")?;
        Ok(Response::new(competitors::update(&self.0, &caller, request).await?))
    }

    async fn retire_competitor(
        &self,
        request: Request<v1::RetireCompetitorRequest>,
    ) -> Answer<v1::Competitor> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(competitors::retire(&self.0, &caller, &request.name).await?))
    }
}
