//! Calls to auth about the credentials of devices.

use device_domain::device::Device;
use kit::{
    auth::CONSISTENCY_HEADER,
    directory::CONSISTENCY_WAIT_MAX,
    error::{Result, ServiceError},
    rpc::bearer,
};
use proto::{
    auth::v1::{
        ClientCredential, IssueDeviceCredentialRequest, RevokeDeviceCredentialRequest,
        client_service_client::ClientServiceClient,
    },
    names,
};
use tonic::{Code, Status};

use crate::{state::App, store};

/// A new credential for a device; a former one ends.
///
/// # Errors
/// UNAVAILABLE when auth cannot issue it now.
pub async fn issue(app: &App, device: &Device) -> Result<ClientCredential> {
    let request = IssueDeviceCredentialRequest {
        organisation: names::print("organisations", device.org),
        device: names::print("devices", device.id),
        unit: names::print("units", device.unit),
        display_name: device.display_name.clone(),
    };
    let mut client = ClientServiceClient::new(app.auth.clone());
    let request = bearer(request, &app.tokens.internal());
    let answer = client.issue_device_credential(request).await.map_err(refused)?;
    // Until the credential is known here, the device's first call would be refused.
    let position = answer.metadata().get(CONSISTENCY_HEADER).and_then(|v| v.to_str().ok());
    if let Some(position) = position
        && let Err(error) = app.directory.wait_for(position, CONSISTENCY_WAIT_MAX).await
    {
        tracing::warn!(%error, "a device is told of its credential before it is known here");
    }
    Ok(answer.into_inner())
}

/// Ends the credential of a device, if that is still to be done. Errors are logged: the sweep
/// tries again.
pub async fn end(app: &App, device: &Device) {
    if !device.credential_due {
        return;
    }
    if let Err(error) = try_end(app, device).await {
        tracing::warn!(device = %device.id, %error, "the credential is ended later");
    }
}

async fn try_end(app: &App, device: &Device) -> Result<()> {
    let request = RevokeDeviceCredentialRequest {
        organisation: names::print("organisations", device.org),
        device: names::print("devices", device.id),
    };
    let mut client = ClientServiceClient::new(app.auth.clone());
    let request = bearer(request, &app.tokens.internal());
    client.revoke_device_credential(request).await.map_err(refused)?;
    let tx = app.db.begin().await?;
    store::device::credential_ended(tx.conn(), device.org, device.id).await?;
    tx.commit().await
}

/// What the caller may know: a state that forbids it, or that it should try again. Anything
/// else is between the services.
fn refused(status: Status) -> ServiceError {
    match status.code() {
        Code::FailedPrecondition | Code::ResourceExhausted | Code::DeadlineExceeded => {
            status.into()
        }
        code => {
            tracing::warn!(?code, message = status.message(), "auth refused");
            ServiceError::unavailable("the credential cannot be changed now")
        }
    }
}

/// Ends credentials that could not be ended when their devices were revoked.
pub async fn end_due(app: &App, limit: u64) -> Result<usize> {
    let due = store::device::due_credentials(app.db.read(), limit).await?;
    for device in &due {
        try_end(app, device).await?;
    }
    Ok(due.len())
}
