//! The place where the simulation plays: windows and staff that the organisation has, and the
//! devices and bridges that the simulation registers for itself.

use std::{collections::BTreeMap, fmt};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto::{
    auth::v1::{
        Client as ClientResource, ClientCredential, CreateClientRequest, RotateClientSecretRequest,
        Unit, UnitKind, client_service_client::ClientServiceClient,
    },
    common::v1::{Kind, Permission},
    device::v1::{
        CreateDeviceRequest, CreatePairingCodeRequest, Device, DeviceKind, DeviceState,
        EnrollDeviceRequest, Template, device_service_client::DeviceServiceClient,
    },
};

use crate::{
    client::{Client, Credentials, lists},
    error::{Error, Result},
};

/// Branches that are set up at the same time.
const TOGETHER: usize = 4;
/// What a bridge may do in its branch.
const BRIDGE_SCOPES: [Permission; 4] = [
    Permission::DeviceOperate,
    Permission::ShiftWrite,
    Permission::EncounterWrite,
    Permission::RatingSubmit,
];

/// The place where the simulation plays.
pub struct Site {
    /// Branches that have windows and staff.
    pub(super) branches: Vec<Branch>,
    /// What the devices ask.
    pub(super) template: Template,
}

/// One branch.
pub(super) struct Branch {
    pub name: String,
    pub windows: Vec<Window>,
    pub staff_numbers: Vec<String>,
    /// The bridge's own caller.
    pub client: Client,
}

/// One window with its device.
pub(super) struct Window {
    pub unit: String,
    pub device: String,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: usize = self.branches.iter().map(|b| b.windows.len()).sum();
        let staff: usize = self.branches.iter().map(|b| b.staff_numbers.len()).sum();
        let branches = self.branches.len();
        write!(f, "{branches} branches, {windows} windows with devices, {staff} staff")
    }
}

impl Site {
    /// Finds windows and staff below `unit` (empty: everywhere) and registers what is missing.
    /// Doing it again changes nothing but the bridges' secrets.
    pub async fn set_up(client: &Client, unit: &str) -> Result<Self> {
        let units = lists::units(client, unit).await?;
        let names: BTreeMap<_, _> = units.iter().map(|u| (&u.name, &u.display_name)).collect();
        let mut windows: BTreeMap<&String, Vec<&Unit>> = BTreeMap::new();
        for window in units.iter().filter(|u| u.kind() == UnitKind::Window) {
            windows.entry(&window.parent).or_default().push(window);
        }
        let clients = lists::clients(client).await?;
        let template = default_template(client).await?;
        let plans = windows.into_iter().map(|(branch, windows)| {
            let name = names.get(branch).map_or(branch.as_str(), |name| name.as_str());
            set_up_branch(client, branch, name, windows, &clients)
        });
        let found: Vec<Option<Branch>> =
            stream::iter(plans).buffered(TOGETHER).try_collect().await?;
        let branches: Vec<Branch> = found.into_iter().flatten().collect();
        if branches.is_empty() {
            let text = "there is no branch with windows and staff to simulate";
            return Err(Error::Usage(text.to_owned()));
        }
        Ok(Self { branches, template })
    }
}

async fn set_up_branch(
    client: &Client,
    unit: &str,
    name: &str,
    mut windows: Vec<&Unit>,
    clients: &[ClientResource],
) -> Result<Option<Branch>> {
    let staff = lists::staff(client, unit).await?;
    if staff.is_empty() {
        tracing::warn!(branch = name, "no staff here, the branch is left out");
        return Ok(None);
    }
    // The same order every time: the same seed then gives each window the same day.
    windows.sort_by(|a, b| (&a.display_name, &a.name).cmp(&(&b.display_name, &b.name)));
    let devices = lists::devices(client, unit).await?;
    let mut ready = Vec::new();
    for window in windows {
        ready.push(set_up_window(client, window, &devices).await?);
    }
    let credential = bridge_credential(client, unit, name, clients).await?;
    let credentials =
        Credentials::Client { id: credential.client_id, secret: credential.client_secret };
    Ok(Some(Branch {
        name: name.to_owned(),
        windows: ready,
        staff_numbers: staff.into_iter().map(|s| s.staff_number).collect(),
        client: client.with_credentials(credentials),
    }))
}

async fn set_up_window(client: &Client, window: &Unit, devices: &[Device]) -> Result<Window> {
    let display_name = format!("模拟评价器 Simulated terminal · {}", window.display_name);
    let mine = |d: &&Device| d.unit == window.name && d.display_name == display_name;
    let unit = window.name.clone();
    if let Some(device) = devices.iter().filter(|d| d.state() == DeviceState::Active).find(mine) {
        return Ok(Window { unit, device: device.name.clone() });
    }
    let what = format!("registering a device at {}", window.display_name);
    let waiting = |d: &&Device| d.state() == DeviceState::Registered;
    let (device, code) = match devices.iter().filter(waiting).find(mine) {
        Some(device) => {
            let message = CreatePairingCodeRequest { name: device.name.clone() };
            let code = client
                .call(&what, message, |chan, request| async move {
                    DeviceServiceClient::new(chan).create_pairing_code(request).await
                })
                .await?;
            (device.name.clone(), Some(code))
        }
        None => create_device(client, &what, &display_name, &unit).await?,
    };
    let code = code.ok_or_else(|| Error::Unsatisfied(format!("{what}: no pairing code came")))?;
    let message = EnrollDeviceRequest {
        pairing_code: code.code,
        serial_number: format!("SIM-{}", unit.trim_start_matches("units/")),
        firmware_version: concat!("simulator ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    client
        .call(&what, message, |chan, request| async move {
            DeviceServiceClient::new(chan).enroll_device(request).await
        })
        .await?;
    Ok(Window { unit, device })
}

async fn create_device(
    client: &Client,
    what: &str,
    display_name: &str,
    unit: &str,
) -> Result<(String, Option<proto::device::v1::PairingCode>)> {
    let device = Device {
        display_name: display_name.to_owned(),
        kind: DeviceKind::ButtonTerminal as i32,
        unit: unit.to_owned(),
        ..Device::default()
    };
    let message = CreateDeviceRequest { device: Some(device), request_id: request_id() };
    let answer = client
        .call(what, message, |chan, request| async move {
            DeviceServiceClient::new(chan).create_device(request).await
        })
        .await?;
    Ok((answer.device.unwrap_or_default().name, answer.pairing_code))
}

/// The bridge's credential: a new client, or a new secret for the one of an earlier run.
async fn bridge_credential(
    client: &Client,
    unit: &str,
    name: &str,
    clients: &[ClientResource],
) -> Result<ClientCredential> {
    let display_name = format!("模拟网桥 Simulated bridge · {name}");
    let what = format!("registering the bridge of {name}");
    let earlier = clients
        .iter()
        .find(|c| c.unit == unit && c.display_name == display_name && c.revoke_time.is_none());
    if let Some(earlier) = earlier {
        let message = RotateClientSecretRequest { name: earlier.name.clone() };
        return client
            .call(&what, message, |chan, request| async move {
                ClientServiceClient::new(chan).rotate_client_secret(request).await
            })
            .await;
    }
    let bridge = ClientResource {
        display_name,
        kind: Kind::Partner as i32,
        unit: unit.to_owned(),
        scopes: BRIDGE_SCOPES.iter().map(|p| *p as i32).collect(),
        ..ClientResource::default()
    };
    // Without request id: a repeated answer would not show the secret.
    let message = CreateClientRequest { client: Some(bridge), request_id: String::new() };
    client
        .call(&what, message, |chan, request| async move {
            ClientServiceClient::new(chan).create_client(request).await
        })
        .await
}

async fn default_template(client: &Client) -> Result<Template> {
    let templates = lists::templates(client).await?;
    let usable = |t: &&Template| t.items.len() == 1;
    let chosen = templates.iter().filter(usable).find(|t| t.default_template);
    chosen.or_else(|| templates.iter().find(usable)).cloned().ok_or_else(|| {
        Error::Usage("the organisation has no template with a single item to ask".to_owned())
    })
}

fn request_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
