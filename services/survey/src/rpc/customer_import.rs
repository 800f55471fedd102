//! Imports of files.

use std::sync::Arc;

use kit::auth::open_request;
use proto::survey::v1::{self, customer_import_service_server::CustomerImportService};
use tonic::{Request, Response, Status, Streaming};

use crate::{customers::import, state::App};

/// The import service.
pub struct CustomerImports(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CustomerImportService for CustomerImports {
    async fn create_customer_import(
        &self,
        request: Request<v1::CreateCustomerImportRequest>,
    ) -> Answer<v1::CustomerImport> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(
            import::create(&self.0, &caller, request.customer_import.unwrap_or_default()).await?,
        ))
    }

    async fn upload_import_part(
        &self,
        request: Request<v1::UploadImportPartRequest>,
    ) -> Answer<v1::CustomerImport> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(import::upload(&self.0, &caller, &request).await?))
    }

    async fn run_customer_import(
        &self,
        request: Request<v1::RunCustomerImportRequest>,
    ) -> Answer<v1::CustomerImport> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(import::run(&self.0, &caller, &request.name).await?))
    }

    async fn import_customers(
        &self,
        request: Request<Streaming<v1::ImportCustomersRequest>>,
    ) -> Answer<v1::CustomerImport> {
        Ok(Response::new(import::stream(&self.0, request).await?))
    }

    async fn get_customer_import(
        &self,
        request: Request<v1::GetCustomerImportRequest>,
    ) -> Answer<v1::CustomerImport> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(import::get(&self.0, &caller, &request.name).await?))
    }

    async fn list_customer_imports(
        &self,
        request: Request<v1::ListCustomerImportsRequest>,
    ) -> Answer<v1::ListCustomerImportsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(import::list(&self.0, &caller, &request).await?))
    }

    async fn list_import_errors(
        &self,
        request: Request<v1::ListImportErrorsRequest>,
    ) -> Answer<v1::ListImportErrorsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(import::errors(&self.0, &caller, &request).await?))
    }
}
