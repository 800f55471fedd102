//! One attempt with a password: looked at only when the account's delay is over, and counted
//! when it fails.

use auth_domain::user::login_key;
use kit::error::{Result, ServiceError};
use proto::common::v1::Reason;
use uuid::Uuid;

use crate::{core::Core, rpc::seconds_up, store::failures, work::Work};

/// An attempt on an account, existing or not.
pub struct Attempt {
    org: Uuid,
    account: Vec<u8>,
}

impl Attempt {
    /// Begins an attempt. Attempts from the device of an earlier session count apart, so that
    /// a stranger's failures do not keep its person out.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with TOO_MANY_ATTEMPTS while the account's delay lasts.
    pub async fn begin(core: &Core, org: Uuid, login: &str, device: Option<Uuid>) -> Result<Self> {
        let account = core.secrets.account(org, &login_key(login), device);
        let failures = failures::find(core.db.read(), &account).await?;
        match failures.wait_us(core.now_us()) {
            Some(wait_us) => Err(too_many(wait_us)),
            None => Ok(Self { org, account }),
        }
    }

    /// Counts how the attempt ended. Microseconds to wait, when attempts at the same time have
    /// used up what was free: then nothing may be told about the password.
    pub async fn settle(&self, work: &Work, right: bool) -> Result<Option<i64>> {
        let failures = failures::find(work.conn(), &self.account).await?;
        if let Some(wait_us) = failures.wait_us(work.now_us) {
            return Ok(Some(wait_us));
        }
        if right {
            failures::clear(work.conn(), &self.account).await?;
        } else {
            let failures = failures.after_failure(work.now_us);
            let account = self.account.clone();
            failures::save(work.conn(), self.org, account, failures).await?;
        }
        Ok(None)
    }
}

/// The answer while an account's delay lasts.
pub fn too_many(wait_us: i64) -> ServiceError {
    let text = "too many failed attempts; wait before the next one";
    ServiceError::exhausted(Reason::TooManyAttempts, text, seconds_up(wait_us))
}
