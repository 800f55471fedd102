//! Exchanging a pairing code for a credential: once, and not by guessing.

use std::time::Duration;

use device_domain::{device::Device, pairing};
use kit::{
    audit,
    auth::{Caller, open_request},
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, device::v1, names};
use serde_json::json;
use sha2::{Digest, Sha256};
use tonic::{Code, Request};

use crate::{
    convert, credentials,
    devices::shown,
    events,
    nudge::Nudge,
    pairing_codes::{bad_code, hash},
    state::App,
    store,
};

/// Address of the caller as the gateway saw it.
const CLIENT_ADDRESS: &str = "x-manyi-client-address";
const MINUTE_US: i64 = 60 * 1_000_000;
const IN_TOTAL: &str = "total";

/// Enrols a device.
pub async fn enroll(
    app: &App,
    request: Request<v1::EnrollDeviceRequest>,
) -> Result<v1::EnrollDeviceResponse> {
    let guesser = guesser(app, &request);
    let (caller, request) = open_request(request)?;
    refuse_guessing(app, &guesser).await?;
    let now_us = app.clock.now_us();
    let hash = pairing::normalise(&request.pairing_code).map(|code| hash(&code));
    let open = match &hash {
        Some(hash) => store::pairing::open(app.db.read(), hash, now_us).await?,
        None => None,
    };
    let (Some(hash), Some(open)) = (hash, open) else {
        count_wrong(app, &guesser).await?;
        return Err(bad_code());
    };
    let device = store::device::find(app.db.read(), open.org, open.device).await?;
    let device = device.ok_or_else(bad_code)?;
    device.may_pair().map_err(|refused| convert::error(refused, ""))?;
    claim(app, &hash).await?;
    let result = exchange(app, &caller, &hash, device, &request).await;
    if result.is_err() {
        // Whoever comes back at once shall not wait for the claim to run out.
        let tx = app.db.begin().await?;
        store::pairing::unclaim(tx.conn(), &hash).await?;
        tx.commit().await?;
    }
    result
}

/// Makes this call the only one that uses the code, also when two come at once: each issued
/// credential ends the one before.
async fn claim(app: &App, hash: &[u8]) -> Result<()> {
    let tx = app.db.begin().await?;
    if !store::pairing::claim(tx.conn(), hash, app.clock.now_us()).await? {
        let text = "this pairing code is being used at this moment";
        return Err(ServiceError::new(Code::Aborted, Reason::PairingCodeInvalid, text)
            .with_retry_after(Duration::from_secs(2)));
    }
    tx.commit().await
}

/// Gets the credential, then notes everything. Should the process die between the two, the
/// code is still good and its next use gets a new credential.
async fn exchange(
    app: &App,
    caller: &Caller,
    hash: &[u8],
    mut device: Device,
    request: &v1::EnrollDeviceRequest,
) -> Result<v1::EnrollDeviceResponse> {
    let template = app.templates.shown_by(device.org, device.template).await?;
    let credential = credentials::issue(app, &device).await?;
    let now_us = app.clock.now_us();
    device
        .enroll(now_us, &request.serial_number, &request.firmware_version)
        .map_err(|refused| convert::error(refused, ""))?;
    device.change_us = now_us;
    let tx = app.db.begin().await?;
    if !store::pairing::mark_used(tx.conn(), hash, now_us).await? {
        return Err(bad_code());
    }
    store::device::save(tx.conn(), &mut device).await?;
    app.outbox.append(&tx, events::pack(vec![events::device(&device, now_us)])).await?;
    let object = names::print("devices", device.id);
    let detail = json!({ "serialNumber": device.serial_number });
    let clock = app.clock.as_ref();
    let unit = Some(device.unit);
    audit::record_in(&tx, caller, device.org, &object, unit, detail, clock).await?;
    tx.commit().await?;
    app.outbox.committed();
    app.presence.touch(device.org, device.id, now_us);
    app.nudges.send(Nudge::Device(device.id));
    Ok(v1::EnrollDeviceResponse {
        device: Some(shown(app, &device)),
        client_id: credential.client_id,
        client_secret: credential.client_secret,
        template: Some(convert::template::to_proto(&template)),
    })
}

/// Whose wrong codes are counted together: the caller's address, as a keyed hash since it is
/// nobody's business here.
fn guesser(app: &App, request: &Request<v1::EnrollDeviceRequest>) -> String {
    let address = request.metadata().get(CLIENT_ADDRESS).and_then(|value| value.to_str().ok());
    let digest = Sha256::new()
        .chain_update(app.pairing_key)
        .chain_update(address.unwrap_or("unknown"))
        .finalize();
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn refuse_guessing(app: &App, guesser: &str) -> Result<()> {
    let minute = app.clock.now_us() / MINUTE_US;
    let limits = [(guesser, pairing::WRONG_PER_CALLER), (IN_TOTAL, pairing::WRONG_IN_TOTAL)];
    for (bucket, limit) in limits {
        if store::pairing::wrong_guesses(app.db.read(), bucket, minute).await? >= limit {
            return Err(ServiceError::exhausted(
                Reason::TooManyAttempts,
                "too many wrong pairing codes; wait a minute",
                Duration::from_secs(60),
            ));
        }
    }
    Ok(())
}

async fn count_wrong(app: &App, guesser: &str) -> Result<()> {
    let minute = app.clock.now_us() / MINUTE_US;
    let tx = app.db.begin().await?;
    store::pairing::sweep_guesses(tx.conn(), minute).await?;
    store::pairing::count_wrong(tx.conn(), guesser, minute).await?;
    store::pairing::count_wrong(tx.conn(), IN_TOTAL, minute).await?;
    tx.commit().await
}
