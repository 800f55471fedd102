//! All services about customers.

use std::sync::Arc;

use proto::survey::v1::{
    care_service_server::CareServiceServer, competitor_service_server::CompetitorServiceServer,
    customer_import_service_server::CustomerImportServiceServer,
    customer_record_service_server::CustomerRecordServiceServer,
    customer_schema_service_server::CustomerSchemaServiceServer,
    customer_service_server::CustomerServiceServer, loyalty_service_server::LoyaltyServiceServer,
    subject_service_server::SubjectServiceServer,
};
use tonic::service::Routes;

use super::{
    care, competitor, customer, customer_import, customer_record, customer_schema, loyalty, subject,
};
use crate::state::App;

/// Adds them to the routes.
pub fn add(routes: Routes, app: &Arc<App>) -> Routes {
    let app = || app.clone();
    routes
        .add_service(CustomerServiceServer::new(customer::Customers(app())))
        .add_service(CustomerSchemaServiceServer::new(customer_schema::CustomerSchema(app())))
        .add_service(CustomerImportServiceServer::new(customer_import::CustomerImports(app())))
        .add_service(CustomerRecordServiceServer::new(customer_record::CustomerRecords(app())))
        .add_service(LoyaltyServiceServer::new(loyalty::LoyaltyFigures(app())))
        .add_service(CareServiceServer::new(care::Care(app())))
        .add_service(CompetitorServiceServer::new(competitor::Competitors(app())))
        .add_service(SubjectServiceServer::new(subject::Subjects(app())))
}
