//! An organisation to measure with, set up through the public contract: units, staff, devices
//! with credentials of their own, and staff signed in at the windows.

use std::{future::Future, time::Duration};

use kit::{config::Seed, rpc::Chan};
use proto::{
    auth::v1::{
        CreateOrganisationRequest, CreateStaffRequest, CreateUnitRequest, Organisation, Staff,
        Unit, UnitKind, organisation_service_client::OrganisationServiceClient,
        staff_service_client::StaffServiceClient, unit_service_client::UnitServiceClient,
    },
    device::v1::{
        CreateDeviceRequest, DeviceKind, EnrollDeviceRequest, EnrollDeviceResponse, SignInRequest,
        device_service_client::DeviceServiceClient, shift_service_client::ShiftServiceClient,
    },
};
use tokio::time::Instant;
use tonic::{Request, Response, Status};
use tools::client::{
    Client, Credentials,
    credentials::{SignIn, random_password},
};
use uuid::Uuid;

use crate::error::{During as _, Error, Result};

/// How long a change may take until every service knows of it.
const SETTLE_MAX: Duration = Duration::from_secs(15);
/// Units were there long before anything that is counted in them.
const UNIT_AGE_S: i64 = 400 * 86_400;

/// An organisation with an owner who is signed in.
#[derive(Clone)]
pub struct Site {
    /// The owner.
    pub owner: Client,
    /// `organisations/o_…`.
    pub organisation: String,
    /// `units/u_…` of the top.
    pub headquarters: String,
    credentials: Credentials,
}

/// A device with its own credential.
#[derive(Clone)]
pub struct Device {
    /// The window where it stands.
    window: String,
    /// The device as a caller of the gateway.
    pub client: Client,
}

impl Site {
    /// Creates the organisation through the gateway at `uri`.
    pub async fn found(uri: &str, seed: Seed) -> Result<Self> {
        let operator = Client::operator(uri, &seed.0)?;
        let sign_in = SignIn {
            organisation: "bench".to_owned(),
            login: "owner".to_owned(),
            password: random_password(),
        };
        let organisation = Organisation {
            slug: sign_in.organisation.clone(),
            display_name: "Bench".to_owned(),
            ..Organisation::default()
        };
        let request = CreateOrganisationRequest {
            organisation: Some(organisation),
            owner_login: sign_in.login.clone(),
            owner_password: sign_in.password.clone(),
            request_id: Uuid::now_v7().to_string(),
        };
        let made = operator
            .call("creating the organisation", request, |chan, request| async move {
                OrganisationServiceClient::new(chan).create_organisation(request).await
            })
            .await?;
        let credentials = Credentials::Password(sign_in);
        Ok(Self {
            owner: operator.with_credentials(credentials.clone()),
            credentials,
            organisation: made.organisation.unwrap_or_default().name,
            headquarters: made.headquarters.unwrap_or_default().name,
        })
    }

    /// The same organisation behind another gateway.
    pub fn at(&self, uri: &str) -> Result<Self> {
        let owner = Client::connect(uri, self.credentials.clone())?;
        Ok(Self { owner, ..self.clone() })
    }

    /// Calls as the owner, again and again while services do not know of a change yet.
    async fn call<M, R, F, Fut>(&self, what: &str, message: M, send: F) -> Result<R>
    where
        M: Clone,
        F: Fn(Chan, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        settled(|| self.owner.call(what, message.clone(), &send)).await
    }

    /// Creates a unit; answers its name.
    pub async fn unit(&self, parent: &str, kind: UnitKind, display_name: &str) -> Result<String> {
        let since = kit::clock::Clock::now_us(&kit::clock::SystemClock) / 1_000_000 - UNIT_AGE_S;
        let unit = Unit {
            parent: parent.to_owned(),
            kind: kind.into(),
            display_name: display_name.to_owned(),
            valid_from: Some(prost_types::Timestamp { seconds: since, nanos: 0 }),
            ..Unit::default()
        };
        let request =
            CreateUnitRequest { unit: Some(unit), request_id: Uuid::now_v7().to_string() };
        let made = self
            .call("creating a unit", request, |chan, request| async move {
                UnitServiceClient::new(chan).create_unit(request).await
            })
            .await?;
        Ok(made.name)
    }

    /// Creates a window with a device at it and a staff member signed in.
    pub async fn place(&self, branch: &str, number: usize) -> Result<Device> {
        let window = self.unit(branch, UnitKind::Window, &format!("Window {number}")).await?;
        let staff_number = format!("{number:04}");
        self.staff(branch, &staff_number).await?;
        let device = self.device(&window, number).await?;
        sign_in(&device, staff_number).await?;
        Ok(device)
    }

    async fn staff(&self, unit: &str, staff_number: &str) -> Result<()> {
        let staff = Staff {
            staff_number: staff_number.to_owned(),
            display_name: format!("Staff {staff_number}"),
            unit: unit.to_owned(),
            ..Staff::default()
        };
        let request =
            CreateStaffRequest { staff: Some(staff), request_id: Uuid::now_v7().to_string() };
        self.call("creating a staff member", request, |chan, request| async move {
            StaffServiceClient::new(chan).create_staff(request).await
        })
        .await?;
        Ok(())
    }

    async fn device(&self, window: &str, number: usize) -> Result<Device> {
        let device = proto::device::v1::Device {
            display_name: format!("Device {number}"),
            kind: DeviceKind::NetworkTerminal.into(),
            unit: window.to_owned(),
            ..proto::device::v1::Device::default()
        };
        let request =
            CreateDeviceRequest { device: Some(device), request_id: Uuid::now_v7().to_string() };
        let made = self
            .call("creating a device", request, |chan, request| async move {
                DeviceServiceClient::new(chan).create_device(request).await
            })
            .await?;
        let code = made.pairing_code.unwrap_or_default().code;
        let enrolled = self.enroll(code, number).await?;
        let credentials =
            Credentials::Client { id: enrolled.client_id, secret: enrolled.client_secret };
        Ok(Device { window: window.to_owned(), client: self.owner.with_credentials(credentials) })
    }

    async fn enroll(&self, pairing_code: String, number: usize) -> Result<EnrollDeviceResponse> {
        let request = EnrollDeviceRequest {
            pairing_code,
            serial_number: format!("bench-{number}"),
            firmware_version: "1".to_owned(),
        };
        let answer = DeviceServiceClient::new(self.owner.chan()).enroll_device(request).await;
        Ok(answer.during("enrolling a device")?.into_inner())
    }
}

async fn sign_in(device: &Device, staff_number: String) -> Result<()> {
    let request = SignInRequest {
        event_id: Uuid::now_v7().to_string(),
        window: device.window.clone(),
        staff_number,
        event_time: None,
    };
    settled(|| {
        device.client.call("signing in at a window", request.clone(), |chan, request| async move {
            ShiftServiceClient::new(chan).sign_in(request).await
        })
    })
    .await?;
    Ok(())
}

/// Tries until the services have heard of what the call builds on.
async fn settled<R, F, Fut>(call: F) -> Result<R>
where
    F: Fn() -> Fut,
    Fut: Future<Output = tools::error::Result<R>>,
{
    let until = Instant::now() + SETTLE_MAX;
    loop {
        match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() > until => return Err(Error::from(error)),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
