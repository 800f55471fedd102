//! One attempt with a password: looked at only when the delays of the account and of where it
//! comes from are over, and counted when it fails.

use std::net::IpAddr;

use auth_domain::{
    lockout::{FAILURES_FREE, FAILURES_FREE_PREFIX, prefix},
    user::login_key,
};
use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::{
    core::Core,
    rpc::seconds_up,
    store::{Connection, failures},
    work::{INSTALLATION, Work},
};

/// Address of the caller as the gateway saw it.
const CLIENT_ADDRESS: &str = "x-manyi-client-address";

/// Where a call comes from, as the gateway saw it.
pub fn address_of(metadata: &MetadataMap) -> Option<IpAddr> {
    metadata.get(CLIENT_ADDRESS)?.to_str().ok()?.parse().ok()
}

/// An attempt on an account, existing or not.
pub struct Attempt {
    org: Uuid,
    account: Vec<u8>,
    prefix: Option<Vec<u8>>,
}

impl Attempt {
    /// Begins an attempt. Attempts from the device of an earlier session count apart, so that
    /// a stranger's failures do not keep its person out, whatever address they share.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with TOO_MANY_ATTEMPTS while a delay lasts.
    pub async fn begin(
        core: &Core,
        org: Uuid,
        login: &str,
        device: Option<Uuid>,
        address: Option<IpAddr>,
    ) -> Result<Self> {
        let account = core.secrets.account(org, &login_key(login), device);
        let address = address.filter(|_| device.is_none());
        let prefix = address.and_then(prefix).map(|prefix| core.secrets.prefix(prefix));
        let attempt = Self { org, account, prefix };
        match attempt.wait_us(core.db.read(), core.now_us()).await? {
            Some(wait_us) => Err(too_many(wait_us)),
            None => Ok(attempt),
        }
    }

    async fn wait_us(&self, conn: &impl Connection, now_us: i64) -> Result<Option<i64>> {
        let mut wait_us = failures::find(conn, &self.account).await?.wait_us(now_us);
        if let Some(prefix) = &self.prefix {
            wait_us = wait_us.max(failures::find(conn, prefix).await?.wait_us(now_us));
        }
        Ok(wait_us)
    }

    /// Counts how the attempt ended. Microseconds to wait, when attempts at the same time have
    /// used up what was free: then nothing may be told about the password.
    pub async fn settle(&self, work: &Work, right: bool) -> Result<Option<i64>> {
        if let Some(wait_us) = self.wait_us(work.conn(), work.now_us).await? {
            return Ok(Some(wait_us));
        }
        if right {
            failures::clear(work.conn(), &self.account).await?;
            return Ok(None);
        }
        count(work, self.org, &self.account, FAILURES_FREE).await?;
        if let Some(prefix) = &self.prefix {
            // Other organisations' sign-ins count into the same row.
            count(work, INSTALLATION, prefix, FAILURES_FREE_PREFIX).await?;
        }
        Ok(None)
    }
}

async fn count(work: &Work, org: Uuid, counted: &[u8], free: i32) -> Result<()> {
    let failures = failures::find_locked(work.conn(), counted).await?;
    let failures = failures.after_failure(work.now_us, free);
    failures::save(work.conn(), org, counted.to_vec(), failures).await
}

/// The answer while a delay lasts.
pub fn too_many(wait_us: i64) -> ServiceError {
    let text = "too many failed attempts; wait before the next one";
    ServiceError::exhausted(Reason::TooManyAttempts, text, seconds_up(wait_us))
}
