//! What an operator can set.

use std::{num::NonZeroU32, time::Duration};

use kit::auth::Verifier;

/// How the gateway works.
#[derive(Clone)]
pub struct Config {
    /// Tells who calls, for quotas and for refusing bad tokens early. Without it every caller
    /// counts by address; the services check tokens in any case.
    pub verifier: Option<Verifier>,
    /// How much callers may ask for.
    pub quotas: Quotas,
    /// Origins such as `https://console.example` whose pages may call; default none.
    pub cors_origins: Vec<String>,
    /// Whether gRPC reflection is offered; the contract is public anyway. Default true.
    pub reflection: bool,
    /// Whether `x-forwarded-for` comes from a proxy of ours; default false.
    pub trust_forwarded_for: bool,
    /// Largest REST body in bytes; default 1 MiB.
    pub body_bytes_max: usize,
    /// Time in which a REST body has to arrive; default 10 s.
    pub body_time: Duration,
    /// Time between comments that keep a quiet event stream open; default 15 s.
    pub keep_alive: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            verifier: None,
            quotas: Quotas::default(),
            cors_origins: Vec::new(),
            reflection: true,
            trust_forwarded_for: false,
            body_bytes_max: 1 << 20,
            body_time: Duration::from_secs(10),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// A bucket of calls: a cheap call takes 1, a medium one 4, a dear one 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What flows in per second.
    pub per_second: NonZeroU32,
    /// What the bucket holds; at least 16, so that every call fits.
    pub burst: NonZeroU32,
}

impl Quota {
    /// A bucket; `per_second` is at least 1 and `burst` at least 16.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let at_least =
            |number: u32, least: u32| NonZeroU32::new(number.max(least)).unwrap_or(NonZeroU32::MIN);
        Self { per_second: at_least(per_second, 1), burst: at_least(burst, 16) }
    }
}

/// Buckets by whom they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Of each user, device or partner; default 400 per second, burst 2,000.
    pub credential: Quota,
    /// Of each organisation, once for what devices send and once for the rest; default 4,000
    /// per second, burst 20,000.
    pub organisation: Quota,
    /// Of each address without a good token, in calls of any weight; default 20 per second,
    /// burst 200. Never applied to devices, sign-in and sign-out.
    pub address: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            credential: Quota::new(400, 2_000),
            organisation: Quota::new(4_000, 20_000),
            address: Quota::new(20, 200),
        }
    }
}

/// Settings of the gateway as flags and environment; whoever starts a gateway adds the rest of
/// [`Config`].
#[derive(Debug, Clone, clap::Args)]
pub struct Settings {
    /// Weighted calls per second of each user, device or partner.
    #[arg(long, env = "MANYI_QUOTA_CREDENTIAL", default_value_t = 400)]
    pub quota_credential: u32,
    /// Weighted calls per second of each organisation.
    #[arg(long, env = "MANYI_QUOTA_ORGANISATION", default_value_t = 4_000)]
    pub quota_organisation: u32,
    /// Calls per second of each address without a token.
    #[arg(long, env = "MANYI_QUOTA_ADDRESS", default_value_t = 20)]
    pub quota_address: u32,
    /// Origins whose pages may call, by commas.
    #[arg(long, env = "MANYI_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// Believe `x-forwarded-for`: only behind a proxy that sets it.
    #[arg(long, env = "MANYI_TRUST_FORWARDED_FOR")]
    pub trust_forwarded_for: bool,
    /// Do not offer gRPC reflection.
    #[arg(long, env = "MANYI_NO_REFLECTION")]
    pub no_reflection: bool,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let bursts = |per_second: u32, seconds: u32| {
            Quota::new(per_second, per_second.saturating_mul(seconds))
        };
        Self {
            quotas: Quotas {
                credential: bursts(settings.quota_credential, 5),
                organisation: bursts(settings.quota_organisation, 5),
                address: bursts(settings.quota_address, 10),
            },
            cors_origins: settings.cors_origins,
            trust_forwarded_for: settings.trust_forwarded_for,
            reflection: !settings.no_reflection,
            ..Self::default()
        }
    }
}
