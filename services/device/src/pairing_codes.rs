//! Making pairing codes.

use device_domain::{device::Device, pairing};
use kit::{
    db::WriteTx,
    error::{Result, ServiceError},
};
use proto::{common::v1::Reason, device::v1, names, time};
use sha2::{Digest, Sha256};
use tonic::Code;
use uuid::Uuid;

use crate::{state::App, store};

/// As codes are stored.
pub fn hash(code: &str) -> Vec<u8> {
    Sha256::new().chain_update(b"manyi pairing").chain_update(code).finalize().to_vec()
}

/// Makes a new code in place of the device's former ones.
pub async fn new_code(app: &App, tx: &WriteTx, device: &Device) -> Result<v1::PairingCode> {
    let expire_us = app.clock.now_us() + pairing::VALID_US;
    let code = code_of(app, device.id, expire_us);
    let hash = hash(&code);
    store::pairing::replace(tx.conn(), device.org, device.id, &hash, expire_us).await?;
    let expire_time = Some(time::from_us(expire_us));
    Ok(v1::PairingCode { code: pairing::print(&code), expire_time })
}

/// The code follows from the installation's secret, the device and the end of its validity,
/// so that it can be shown again without having been stored.
fn code_of(app: &App, device: Uuid, expire_us: i64) -> String {
    let digest = Sha256::new()
        .chain_update(app.pairing_key)
        .chain_update(device)
        .chain_update(expire_us.to_be_bytes())
        .finalize();
    let mut random = [0; 5];
    random.copy_from_slice(&digest[..5]);
    pairing::code(random)
}

/// The answer of a creation with its code again, while that is valid.
pub fn with_code(app: &App, mut answer: v1::CreateDeviceResponse) -> v1::CreateDeviceResponse {
    let device = answer.device.as_ref().and_then(|d| names::parse("devices", &d.name));
    let expire_us = answer.pairing_code.as_ref().and_then(|c| c.expire_time.as_ref());
    match (device, expire_us.map(time::to_us)) {
        (Some(device), Some(expire_us)) if app.clock.now_us() < expire_us => {
            if let Some(code) = answer.pairing_code.as_mut() {
                code.code = pairing::print(&code_of(app, device, expire_us));
            }
        }
        _ => answer.pairing_code = None,
    }
    answer
}

/// INVALID_ARGUMENT for a pairing code, whatever is wrong with it.
pub fn bad_code() -> ServiceError {
    let text = "the pairing code is unknown, used or expired";
    ServiceError::new(Code::InvalidArgument, Reason::PairingCodeInvalid, text)
}
