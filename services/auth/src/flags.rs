//! What the service is told at its start, by flags or environment.

use std::{fmt, sync::Arc};

use kit::{
    clock::{SharedClock, SystemClock},
    config::ServiceConfig,
    error::{Result, ServiceError},
};

/// What the service is told at its start.
pub struct Config {
    /// Its own database: `sqlite::memory:`, `sqlite://path` or `postgres://…`.
    pub database_url: String,
    /// Secret shared by all processes of the installation.
    pub seed: [u8; 32],
    /// Its clock.
    pub clock: SharedClock,
    /// The first organisation, made if there is none with its sign-in name.
    pub bootstrap: Option<Bootstrap>,
}

impl Config {
    /// From the flags that all services share, on the machine's clock.
    pub fn from_flags(flags: &ServiceConfig, bootstrap: Option<Bootstrap>) -> Self {
        Self {
            database_url: flags.database_url.clone(),
            seed: flags.internal_seed.0,
            clock: Arc::new(SystemClock),
            bootstrap,
        }
    }
}

/// The first organisation and its owner.
#[derive(Clone)]
pub struct Bootstrap {
    /// Sign-in name of the organisation.
    pub slug: String,
    /// Its display name.
    pub display_name: String,
    /// Sign-in name of the owner.
    pub owner_login: String,
    /// Password of the owner, 8 to 128 characters.
    pub owner_password: String,
    /// IANA time zone; empty for the default.
    pub time_zone: String,
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bootstrap").field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl fmt::Debug for BootstrapFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Holds a password.
        f.debug_struct("BootstrapFlags").finish_non_exhaustive()
    }
}

/// Flags for the first organisation. Nothing has a default password.
#[derive(Clone, Default, clap::Args)]
pub struct BootstrapFlags {
    /// Sign-in name of the first organisation; nothing is made when it is left out.
    #[arg(long, env = "MANYI_FIRST_ORGANISATION", default_value = "", hide_default_value = true)]
    pub first_organisation: String,
    /// Its display name; the sign-in name when left out.
    #[arg(
        long,
        env = "MANYI_FIRST_ORGANISATION_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub first_organisation_name: String,
    /// Its IANA time zone.
    #[arg(long, env = "MANYI_FIRST_TIME_ZONE", default_value = "", hide_default_value = true)]
    pub first_time_zone: String,
    /// Sign-in name of its owner.
    #[arg(long, env = "MANYI_FIRST_OWNER", default_value = "", hide_default_value = true)]
    pub first_owner: String,
    /// Password of its owner, 8 to 128 characters; best given by the environment.
    #[arg(
        long,
        env = "MANYI_FIRST_OWNER_PASSWORD",
        default_value = "",
        hide_default_value = true,
        hide_env_values = true
    )]
    pub first_owner_password: String,
}

impl BootstrapFlags {
    /// The first organisation, if one is named.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it is named without its owner.
    pub fn read(self) -> Result<Option<Bootstrap>> {
        if self.first_organisation.is_empty() {
            return Ok(None);
        }
        if self.first_owner.is_empty() || self.first_owner_password.is_empty() {
            let text = "and its password are needed with the first organisation";
            return Err(ServiceError::invalid("first_owner", text));
        }
        let display_name = if self.first_organisation_name.is_empty() {
            self.first_organisation.clone()
        } else {
            self.first_organisation_name
        };
        Ok(Some(Bootstrap {
            slug: self.first_organisation,
            display_name,
            owner_login: self.first_owner,
            owner_password: self.first_owner_password,
            time_zone: self.first_time_zone,
        }))
    }
}
