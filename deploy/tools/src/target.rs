//! Options that many programs share: where the gateway is, and as whom to call it.

use std::path::PathBuf;

use clap::Args;

use crate::{
    client::{
        Client, Credentials,
        credentials::{SignIn, read_password},
    },
    error::{Error, Result},
};

/// Where the gateway is.
#[derive(Debug, Clone, Args)]
pub struct Gateway {
    /// Address of the gateway
    #[arg(
        long,
        env = "MANYI_GATEWAY",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub gateway: String,
}

/// As which person to sign in.
#[derive(Debug, Clone, Default, Args)]
pub struct Person {
    /// File with organisation, login and password, as `manyi demo` writes it
    #[arg(long, env = "MANYI_CREDENTIALS", value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Slug of the organisation; may be left out when there is only one
    #[arg(long, env = "MANYI_ORGANISATION", value_name = "SLUG")]
    pub organisation: Option<String>,
    /// Sign-in name
    #[arg(long, env = "MANYI_USER", value_name = "LOGIN")]
    pub user: Option<String>,
    /// File with the password in its first line, `-` for standard input; or set MANYI_PASSWORD
    #[arg(long, env = "MANYI_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl Person {
    /// What to sign in with; fails when something is missing.
    pub fn sign_in(&self) -> Result<SignIn> {
        if let Some(path) = &self.credentials {
            return SignIn::read(path)?.ok_or_else(|| {
                Error::Usage(format!("there is no credentials file {}", path.display()))
            });
        }
        let login = self.user.clone().ok_or_else(|| {
            Error::Usage("say as whom to sign in: --credentials FILE or --user LOGIN".to_owned())
        })?;
        let password = match &self.password_file {
            Some(path) => read_password(path)?,
            None => std::env::var("MANYI_PASSWORD").map_err(|_| {
                let text = "give the password by --password-file FILE or MANYI_PASSWORD";
                Error::Usage(text.to_owned())
            })?,
        };
        let organisation = self.organisation.clone().unwrap_or_default();
        Ok(SignIn { organisation, login, password })
    }

    /// Connects and signs in, so that a wrong password shows at once.
    pub async fn client(&self, gateway: &Gateway) -> Result<Client> {
        let client = Client::connect(&gateway.gateway, Credentials::Password(self.sign_in()?))?;
        client.token().await.map_err(|error| error.at(&gateway.gateway))?;
        Ok(client)
    }
}
