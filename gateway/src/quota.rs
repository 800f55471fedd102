//! How much each caller may ask for. Buckets belong to credentials and organisations; an
//! address counts only for callers without a good token, since a whole hall may share one.

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, Weak},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, RateLimiter, clock::Clock as _, clock::DefaultClock};
use kit::{
    directory::Subject,
    error::{Result, ServiceError},
};
use proto::{
    common::v1::{Kind, Reason},
    methods::Method,
};
use uuid::Uuid;

use crate::{Inner, Quota, Quotas, address, identity::Identity};

const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Shed class of what devices send; lower is refused later.
const CLASS_DEVICE_DATA: u32 = 1;

/// All buckets of this process.
pub struct Limiter {
    credential: DefaultKeyedRateLimiter<Uuid>,
    organisation: DefaultKeyedRateLimiter<(Uuid, bool)>,
    address: DefaultKeyedRateLimiter<IpAddr>,
}

impl Limiter {
    pub fn new(quotas: &Quotas) -> Self {
        Self {
            credential: bucket(quotas.credential),
            organisation: bucket(quotas.organisation),
            address: bucket(quotas.address),
        }
    }

    /// Takes what a call costs.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED with the time after which there is enough again.
    pub fn admit(
        &self,
        identity: &Identity,
        method: &Method,
        address: Option<IpAddr>,
    ) -> Result<()> {
        let class = method.rule.shed_class;
        let Identity::Known(caller) = identity else {
            // Signing in and out is never blocked by what others behind the address do.
            let (Some(address), true) = (address, class > 0) else { return Ok(()) };
            return take(&self.address, &address::group(address), NonZeroU32::MIN);
        };
        let credential = match caller.subject {
            Subject::User(id) | Subject::Client(id) => id,
            _ => return Ok(()),
        };
        let weight = NonZeroU32::new(method.weight()).unwrap_or(NonZeroU32::MIN);
        take(&self.credential, &credential, weight)?;
        if class == 0 {
            return Ok(());
        }
        // What devices send has a bucket of its own, which console reads cannot empty.
        let device_data = caller.kind == Kind::Device || class <= CLASS_DEVICE_DATA;
        take(&self.organisation, &(caller.org, device_data), weight)
    }

    /// Forgets buckets that are full again.
    fn tidy(&self) {
        self.credential.retain_recent();
        self.organisation.retain_recent();
        self.address.retain_recent();
    }
}

fn bucket<K: Hash + Eq + Clone>(quota: Quota) -> DefaultKeyedRateLimiter<K> {
    RateLimiter::keyed(governor::Quota::per_second(quota.per_second).allow_burst(quota.burst))
}

fn take<K: Hash + Eq + Clone>(
    buckets: &DefaultKeyedRateLimiter<K>,
    key: &K,
    weight: NonZeroU32,
) -> Result<()> {
    let refuse = |delay: Duration| {
        metrics::counter!("quota_refused_total").increment(1);
        let text = "you ask for more than your quota; wait a little";
        Err(ServiceError::exhausted(Reason::QuotaExceeded, text, delay))
    };
    match buckets.check_key_n(key, weight) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(not_yet)) => refuse(not_yet.wait_time_from(DefaultClock::default().now())),
        // The bucket is smaller than the call; `Quota::new` prevents that.
        Err(_) => refuse(Duration::from_secs(60)),
    }
}

/// Keeps the buckets of a living gateway tidy.
pub fn tidy_up(inner: &Arc<Inner>) {
    let inner: Weak<Inner> = Arc::downgrade(inner);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(TIDY_EVERY).await;
            let Some(inner) = inner.upgrade() else { return };
            inner.limiter.tidy();
        }
    });
}

#[cfg(test)]
mod tests {
    use kit::auth::Verified;
    use proto::methods::table;

    use super::*;

    fn small() -> Limiter {
        Limiter::new(&Quotas {
            credential: Quota::new(1, 16),
            organisation: Quota::new(1, 40),
            address: Quota::new(1, 16),
        })
    }

    fn known(org: u128, client: u128, kind: Kind) -> Identity {
        Identity::Known(Arc::new(Verified {
            org: Uuid::from_u128(org),
            subject: Subject::Client(Uuid::from_u128(client)),
            kind,
            device: None,
            session: None,
            scopes: None,
            expire_s: i64::MAX,
        }))
    }

    const READ: &str = "/manyi.auth.v1.UnitService/GetUnit";
    const RATE: &str = "/manyi.device.v1.RatingService/BatchCreateRatings";
    const ENROL: &str = "/manyi.device.v1.DeviceService/EnrollDevice";
    const TOKEN: &str = "/manyi.auth.v1.TokenService/CreateToken";

    fn admitted(limiter: &Limiter, who: &Identity, path: &str, times: u32) -> u32 {
        let address = "10.0.0.1".parse().ok();
        let calls = (0..times).filter(|_| limiter.admit(who, &table()[path], address).is_ok());
        u32::try_from(calls.count()).unwrap()
    }

    #[test]
    fn one_credential_does_not_use_up_the_quota_of_another() {
        let limiter = small();
        assert_eq!(admitted(&limiter, &known(1, 1, Kind::User), READ, 50), 16);
        assert_eq!(admitted(&limiter, &known(1, 2, Kind::User), READ, 50), 16);
        assert_eq!(admitted(&limiter, &known(1, 3, Kind::User), READ, 50), 8, "organisation");
        assert_eq!(admitted(&limiter, &known(2, 4, Kind::User), READ, 50), 16);
    }

    #[test]
    fn console_reads_leave_room_for_ratings_of_the_same_organisation() {
        let limiter = small();
        for client in 0..5 {
            admitted(&limiter, &known(1, client, Kind::User), READ, 50);
        }
        assert_eq!(admitted(&limiter, &known(1, 9, Kind::Device), RATE, 9), 4, "16 / weight 4");
    }

    #[test]
    fn addresses_count_for_callers_without_token_but_never_at_sign_in() {
        let limiter = small();
        assert_eq!(admitted(&limiter, &Identity::Unknown, ENROL, 50), 16);
        assert_eq!(admitted(&limiter, &Identity::Unknown, TOKEN, 50), 50);
        let error = limiter
            .admit(&Identity::Unknown, &table()[ENROL], "10.0.0.1".parse().ok())
            .unwrap_err();
        assert_eq!(error.reason(), Reason::QuotaExceeded);
        assert!(error.retry_after().is_some());
        assert_eq!(admitted(&limiter, &known(1, 1, Kind::Device), RATE, 1), 1);
    }
}
