//! Customers.

use std::sync::Arc;

use kit::auth::{open_change, open_request};
use proto::survey::v1::{self, customer_service_server::CustomerService};
use tonic::{Request, Response, Status};

use crate::{
    customers::{change, find, merge},
    state::App,
};

/// The customer service.
pub struct Customers(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CustomerService for Customers {
    async fn create_customer(
        &self,
        request: Request<v1::CreateCustomerRequest>,
    ) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::create(&self.0, &caller, request).await?))
    }

    async fn get_customer(&self, request: Request<v1::GetCustomerRequest>) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::get(&self.0, &caller, &request.name).await?))
    }

    async fn list_customers(
        &self,
        request: Request<v1::ListCustomersRequest>,
    ) -> Answer<v1::ListCustomersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::list(&self.0, &caller, &request).await?))
    }

    async fn find_customers(
        &self,
        request: Request<v1::FindCustomersRequest>,
    ) -> Answer<v1::FindCustomersResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::find(&self.0, &caller, request).await?))
    }

    async fn update_customer(
        &self,
        request: Request<v1::UpdateCustomerRequest>,
    ) -> Answer<v1::Customer> {
        let (caller, request) = open_change(request, "customer")?;
        Ok(Response::new(change::update(&self.0, &caller, request).await?))
    }

    async fn retire_customer(
        &self,
        request: Request<v1::RetireCustomerRequest>,
    ) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::retire(&self.0, &caller, &request.name).await?))
    }

    async fn list_duplicates(
        &self,
        request: Request<v1::ListDuplicatesRequest>,
    ) -> Answer<v1::ListDuplicatesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::duplicates(&self.0, &caller, &request).await?))
    }

    async fn merge_customers(
        &self,
        request: Request<v1::MergeCustomersRequest>,
    ) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(merge::merge(&self.0, &caller, &request).await?))
    }

    async fn list_merges(
        &self,
        request: Request<v1::ListMergesRequest>,
    ) -> Answer<v1::ListMergesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::merges(&self.0, &caller, &request.name).await?))
    }

    async fn set_consent(&self, request: Request<v1::SetConsentRequest>) -> Answer<v1::Customer> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(change::set_consent(&self.0, &caller, &request).await?))
    }

    async fn list_consents(
        &self,
        request: Request<v1::ListConsentsRequest>,
    ) -> Answer<v1::ListConsentsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(find::consents(&self.0, &caller, &request.name).await?))
    }
}
