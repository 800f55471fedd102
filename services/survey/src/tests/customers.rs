//! Customers, on every database.

mod history;
mod import;
pub mod import_files;
mod loyalty;
mod people;
mod privacy;
mod repeated;
mod schema;
mod words;

use proto::{
    names,
    survey::v1::{
        self, care_service_client::CareServiceClient,
        competitor_service_client::CompetitorServiceClient,
        customer_import_service_client::CustomerImportServiceClient,
        customer_record_service_client::CustomerRecordServiceClient,
        customer_schema_service_client::CustomerSchemaServiceClient,
        customer_service_client::CustomerServiceClient,
        loyalty_service_client::LoyaltyServiceClient, subject_service_client::SubjectServiceClient,
    },
};
use tokio_util::sync::CancellationToken;

use super::world::World;
use kit::rpc::Chan;

impl World {
    fn customers(&self) -> CustomerServiceClient<Chan> {
        CustomerServiceClient::new(self.chan.clone())
    }

    fn schema(&self) -> CustomerSchemaServiceClient<Chan> {
        CustomerSchemaServiceClient::new(self.chan.clone())
    }

    fn imports(&self) -> CustomerImportServiceClient<Chan> {
        CustomerImportServiceClient::new(self.chan.clone())
    }

    fn records(&self) -> CustomerRecordServiceClient<Chan> {
        CustomerRecordServiceClient::new(self.chan.clone())
    }

    fn loyalty(&self) -> LoyaltyServiceClient<Chan> {
        LoyaltyServiceClient::new(self.chan.clone())
    }

    fn care(&self) -> CareServiceClient<Chan> {
        CareServiceClient::new(self.chan.clone())
    }

    fn competitors(&self) -> CompetitorServiceClient<Chan> {
        CompetitorServiceClient::new(self.chan.clone())
    }

    fn subjects(&self) -> SubjectServiceClient<Chan> {
        SubjectServiceClient::new(self.chan.clone())
    }

    /// A customer of the first branch.
    fn person(&self, name: &str) -> v1::Customer {
        v1::Customer {
            unit: names::print("units", self.org.branches[0]),
            display_name: name.to_owned(),
            ..Default::default()
        }
    }

    /// Adds a customer as administrator.
    async fn add(&self, customer: v1::Customer) -> v1::Customer {
        let request = v1::CreateCustomerRequest { customer: Some(customer), ..Default::default() };
        self.customers().create_customer(self.as_admin(request)).await.unwrap().into_inner()
    }

    /// A customer as it is now.
    async fn look(&self, name: &str) -> v1::Customer {
        let request = v1::GetCustomerRequest { name: name.to_owned() };
        self.customers().get_customer(self.as_admin(request)).await.unwrap().into_inner()
    }

    /// Takes imports in until `stop`.
    fn work(&self, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
        tokio::spawn(crate::customers::import::work(self.app.clone(), stop.clone()))
    }
}
