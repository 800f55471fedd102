//! Registering, placing and ending devices.

use std::{pin::Pin, sync::Arc};

use device_domain::device::{Device, State};
use futures::Stream;
use kit::{
    auth::{Caller, open_change, open_request},
    error::Result,
};
use proto::device::v1::{self, device_service_server::DeviceService};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    convert,
    device_access::device_of,
    devices::{assign, create, create_pairing_code, end, shown, update},
    enroll, heartbeat,
    rpc::connect,
    state::App,
    store,
};

/// The device service.
pub struct Devices(pub Arc<App>);

type Answer<T> = std::result::Result<Response<T>, Status>;

#[async_trait::async_trait]
impl DeviceService for Devices {
    async fn create_device(
        &self,
        request: Request<v1::CreateDeviceRequest>,
    ) -> Answer<v1::CreateDeviceResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create(&self.0, &caller, request).await?))
    }

    async fn get_device(&self, request: Request<v1::GetDeviceRequest>) -> Answer<v1::Device> {
        let (caller, request) = open_request(request)?;
        let device = device_of(&self.0, &caller, "name", &request.name).await?;
        Ok(Response::new(shown(&self.0, &device)))
    }

    async fn list_devices(
        &self,
        request: Request<v1::ListDevicesRequest>,
    ) -> Answer<v1::ListDevicesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list(&self.0, &caller, &request).await?))
    }

    async fn update_device(&self, request: Request<v1::UpdateDeviceRequest>) -> Answer<v1::Device> {
        let (caller, request) = open_change(request, "device")?;
        Ok(Response::new(update(&self.0, &caller, request).await?))
    }

    async fn assign_device(
        &self,
        request: Request<v1::AssignDeviceRequest>,
    ) -> Answer<v1::Assignment> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(assign(&self.0, &caller, &request).await?))
    }

    async fn list_assignments(
        &self,
        request: Request<v1::ListAssignmentsRequest>,
    ) -> Answer<v1::ListAssignmentsResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_assignments(&self.0, &caller, &request).await?))
    }

    async fn list_dropped_ranges(
        &self,
        request: Request<v1::ListDroppedRangesRequest>,
    ) -> Answer<v1::ListDroppedRangesResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(list_dropped(&self.0, &caller, &request).await?))
    }

    async fn create_pairing_code(
        &self,
        request: Request<v1::CreatePairingCodeRequest>,
    ) -> Answer<v1::PairingCode> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(create_pairing_code(&self.0, &caller, &request).await?))
    }

    async fn enroll_device(
        &self,
        request: Request<v1::EnrollDeviceRequest>,
    ) -> Answer<v1::EnrollDeviceResponse> {
        Ok(Response::new(enroll::enroll(&self.0, request).await?))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Answer<v1::HeartbeatResponse> {
        let (caller, request) = open_request(request)?;
        Ok(Response::new(heartbeat::beat(&self.0, &caller, &request).await?))
    }

    type ConnectStream =
        Pin<Box<dyn Stream<Item = std::result::Result<v1::HeartbeatResponse, Status>> + Send>>;

    async fn connect(
        &self,
        request: Request<Streaming<v1::HeartbeatRequest>>,
    ) -> Answer<Self::ConnectStream> {
        Ok(Response::new(connect::connect(&self.0, request)?))
    }

    async fn revoke_device(&self, request: Request<v1::RevokeDeviceRequest>) -> Answer<v1::Device> {
        let (caller, request) = open_request(request)?;
        let stop = |device: &mut Device, now_us| device.revoke(now_us);
        Ok(Response::new(end(&self.0, &caller, &request.name, stop).await?))
    }

    async fn retire_device(&self, request: Request<v1::RetireDeviceRequest>) -> Answer<v1::Device> {
        let (caller, request) = open_request(request)?;
        let stop = |device: &mut Device, now_us| device.retire(now_us);
        Ok(Response::new(end(&self.0, &caller, &request.name, stop).await?))
    }
}

async fn list(
    app: &App,
    caller: &Caller,
    request: &v1::ListDevicesRequest,
) -> Result<v1::ListDevicesResponse> {
    let unit = convert::id_opt("units", "unit", &request.unit)?;
    let filter = store::device::Filter {
        units: caller.visible()?.narrowed(unit)?,
        state: State::from_number(request.state),
        show_retired: request.show_retired,
    };
    let key = format!(
        "devices|{}|{}|{}|{}",
        caller.org, request.unit, request.state, request.show_retired
    );
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let mut found =
        store::device::list(app.db.read(), caller.org, &filter, page.after, page.limit).await?;
    let next_page_token = page.close(&mut found, |d| d.id);
    let devices = found.iter().map(|device| shown(app, device)).collect();
    Ok(v1::ListDevicesResponse { devices, next_page_token })
}

async fn list_dropped(
    app: &App,
    caller: &Caller,
    request: &v1::ListDroppedRangesRequest,
) -> Result<v1::ListDroppedRangesResponse> {
    let device = device_of(app, caller, "name", &request.name).await?;
    let key = format!("droppedRanges|{}|{}", caller.org, device.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        store::dropped::list(conn, device.org, device.id, page.after, page.limit).await?;
    let next_page_token =
        page.close(&mut found, |range| (range.report_us, (range.epoch, range.first)));
    let ranges = found.iter().map(convert::device::dropped_to_proto).collect();
    Ok(v1::ListDroppedRangesResponse { ranges, next_page_token })
}

async fn list_assignments(
    app: &App,
    caller: &Caller,
    request: &v1::ListAssignmentsRequest,
) -> Result<v1::ListAssignmentsResponse> {
    let device = device_of(app, caller, "name", &request.name).await?;
    let key = format!("assignments|{}|{}", caller.org, device.id);
    let page = app.pages.open(key, request.page_size, &request.page_token)?;
    let conn = app.db.read();
    let mut found =
        store::device::list_assignments(conn, device.org, device.id, page.after, page.limit)
            .await?;
    let next_page_token = page.close(&mut found, |a| (a.from_us, a.id));
    let assignments = found.iter().map(convert::device::assignment_to_proto).collect();
    Ok(v1::ListAssignmentsResponse { assignments, next_page_token })
}
