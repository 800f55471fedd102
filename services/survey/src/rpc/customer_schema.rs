//! Attributes, classes and segments.

use std::sync::Arc;

use kit::auth::{open_change, open_request};
use proto::survey::v1::{self, customer_schema_service_server::CustomerSchemaService};
use tonic::{Request, Response, Status};

use crate::{
    customers::{attributes, classes, segments},
    state::App,
};

/// The service of what is recorded of customers.
pub struct CustomerSchema(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl CustomerSchemaService for CustomerSchema {
    async fn create_customer_attribute(
        &self,
        request: Request<v1::CreateCustomerAttributeRequest>,
    ) -> Answer<v1::CustomerAttribute> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(attributes::create(&self.0, &caller, &request).await?))
    }

    async fn list_customer_attributes(
        &self,
        request: Request<v1::ListCustomerAttributesRequest>,
    ) -> Answer<v1::ListCustomerAttributesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(attributes::list(&self.0, &caller, &request).await?))
    }

    async fn retire_customer_attribute(
        &self,
        request: Request<v1::RetireCustomerAttributeRequest>,
    ) -> Answer<v1::CustomerAttribute> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(attributes::retire(&self.0, &caller, &request.name).await?))
    }

    async fn create_customer_class(
        &self,
        request: Request<v1::CreateCustomerClassRequest>,
    ) -> Answer<v1::CustomerClass> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(classes::create(&self.0, &caller, &request).await?))
    }

    async fn list_customer_classes(
        &self,
        request: Request<v1::ListCustomerClassesRequest>,
    ) -> Answer<v1::ListCustomerClassesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(classes::list(&self.0, &caller, &request).await?))
    }

    async fn update_customer_class(
        &self,
        request: Request<v1::UpdateCustomerClassRequest>,
    ) -> Answer<v1::CustomerClass> {
        let (caller, request) = open_change(request, "customerClass")?;
        Ok(Response::new(classes::update(&self.0, &caller, request).await?))
    }

    async fn retire_customer_class(
        &self,
        request: Request<v1::RetireCustomerClassRequest>,
    ) -> Answer<v1::CustomerClass> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(classes::retire(&self.0, &caller, &request.name).await?))
    }

    async fn create_segment(
        &self,
        request: Request<v1::CreateSegmentRequest>,
    ) -> Answer<v1::Segment> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(segments::create(&self.0, &caller, &request).await?))
    }

    async fn get_segment(&self, request: Request<v1::GetSegmentRequest>) -> Answer<v1::Segment> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(segments::get(&self.0, &caller, &request.name).await?))
    }

    async fn list_segments(
        &self,
        request: Request<v1::ListSegmentsRequest>,
    ) -> Answer<v1::ListSegmentsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(segments::list(&self.0, &caller, &request).await?))
    }

    async fn update_segment(
        &self,
        request: Request<v1::UpdateSegmentRequest>,
    ) -> Answer<v1::Segment> {
        let (caller, request) = open_change(request, "segment")?;
        Ok(Response::new(segments::update(&self.0, &caller, request).await?))
    }

    async fn retire_segment(
        &self,
        request: Request<v1::RetireSegmentRequest>,
    ) -> Answer<v1::Segment> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(segments::retire(&self.0, &caller, &request.name).await?))
    }

    async fn check_segment(
        &self,
        request: Request<v1::CheckSegmentRequest>,
    ) -> Answer<v1::CheckSegmentResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(segments::check(&self.0, &caller, &request).await?))
    }
}
