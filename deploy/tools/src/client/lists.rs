//! Whole lists, page by page.

use proto::{
    auth::v1::{
        Client as ClientResource, ListClientsRequest, ListStaffRequest, ListUnitsRequest, Staff,
        Unit, client_service_client::ClientServiceClient, staff_service_client::StaffServiceClient,
        unit_service_client::UnitServiceClient,
    },
    device::v1::{
        Device, ListDevicesRequest, ListTemplatesRequest, Template,
        device_service_client::DeviceServiceClient, template_service_client::TemplateServiceClient,
    },
};

use super::Client;
use crate::error::Result;

const PAGE: i32 = 1_000;

/// Units at and below `ancestor` (empty: all that we may see), parents first.
pub async fn units(client: &Client, ancestor: &str) -> Result<Vec<Unit>> {
    all(async |page_token| {
        let message = ListUnitsRequest {
            ancestor: ancestor.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListUnitsRequest::default()
        };
        let page = client.call("listing units", message, |chan, request| async move {
            UnitServiceClient::new(chan).list_units(request).await
        });
        page.await.map(|page| (page.units, page.next_page_token))
    })
    .await
}

/// Staff at and below `unit` (empty: all), by number.
pub async fn staff(client: &Client, unit: &str) -> Result<Vec<Staff>> {
    all(async |page_token| {
        let message = ListStaffRequest {
            unit: unit.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListStaffRequest::default()
        };
        let page = client.call("listing staff", message, |chan, request| async move {
            StaffServiceClient::new(chan).list_staff(request).await
        });
        page.await.map(|page| (page.staff, page.next_page_token))
    })
    .await
}

/// Devices at and below `unit` (empty: all) that are not retired.
pub async fn devices(client: &Client, unit: &str) -> Result<Vec<Device>> {
    all(async |page_token| {
        let message = ListDevicesRequest {
            unit: unit.to_owned(),
            page_size: PAGE,
            page_token,
            ..ListDevicesRequest::default()
        };
        let page = client.call("listing devices", message, |chan, request| async move {
            DeviceServiceClient::new(chan).list_devices(request).await
        });
        page.await.map(|page| (page.devices, page.next_page_token))
    })
    .await
}

/// Clients that we may manage.
pub async fn clients(client: &Client) -> Result<Vec<ClientResource>> {
    all(async |page_token| {
        let message = ListClientsRequest { page_size: PAGE, page_token };
        let page = client.call("listing clients", message, |chan, request| async move {
            ClientServiceClient::new(chan).list_clients(request).await
        });
        page.await.map(|page| (page.clients, page.next_page_token))
    })
    .await
}

/// Templates that are in use.
pub async fn templates(client: &Client) -> Result<Vec<Template>> {
    all(async |page_token| {
        let message =
            ListTemplatesRequest { page_size: PAGE, page_token, ..ListTemplatesRequest::default() };
        let page = client.call("listing templates", message, |chan, request| async move {
            TemplateServiceClient::new(chan).list_templates(request).await
        });
        page.await.map(|page| (page.templates, page.next_page_token))
    })
    .await
}

async fn all<T, F>(fetch: F) -> Result<Vec<T>>
where
    F: AsyncFn(String) -> Result<(Vec<T>, String)>,
{
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let (items, next) = fetch(token).await?;
        found.extend(items);
        if next.is_empty() {
            return Ok(found);
        }
        token = next;
    }
}
