//! Rights of the persons that data are about.

use std::sync::Arc;

use kit::auth::open_request;
use proto::survey::v1::{self, subject_service_server::SubjectService};
use tonic::{Request, Response, Status};

use crate::{
    customers::{erasure, export},
    state::App,
};

/// The service of these rights.
pub struct Subjects(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl SubjectService for Subjects {
    async fn export_subject(
        &self,
        request: Request<v1::ExportSubjectRequest>,
    ) -> Answer<v1::ExportSubjectResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(export::export(&self.0, &caller, &request.name).await?))
    }

    async fn erase_subject(
        &self,
        request: Request<v1::EraseSubjectRequest>,
    ) -> Answer<v1::Erasure> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(erasure::erase(&self.0, &caller, &request).await?))
    }

    async fn set_legal_hold(
        &self,
        request: Request<v1::SetLegalHoldRequest>,
    ) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(erasure::set_hold(&self.0, &caller, &request).await?))
    }

    async fn get_erasure(&self, request: Request<v1::GetErasureRequest>) -> Answer<v1::Erasure> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(erasure::get(&self.0, &caller, &request.name).await?))
    }

    async fn list_erasures(
        &self,
        request: Request<v1::ListErasuresRequest>,
    ) -> Answer<v1::ListErasuresResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(erasure::list(&self.0, &caller, &request).await?))
    }
}
