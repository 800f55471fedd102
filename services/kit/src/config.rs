//! What every process of the suite is told at its start, by flags or environment.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Result,
    server::{ServerLimits, Tls, serve},
};

/// Flags that all service binaries share.
#[derive(Debug, Clone, clap::Args)]
pub struct ServiceConfig {
    /// Database of this service alone: `sqlite://path` or `postgres://user@host/name`.
    #[arg(long, env = "MANYI_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Address to listen on.
    #[arg(long, env = "MANYI_LISTEN", default_value = "127.0.0.1:0",
          value_parser = crate::program::listen_address)]
    pub listen: SocketAddr,
    /// Secret shared by all processes of the installation: 32 bytes in base64.
    #[arg(long, env = "MANYI_INTERNAL_SEED", hide_env_values = true)]
    pub internal_seed: Seed,
    /// TLS of the listener.
    #[command(flatten)]
    pub tls: TlsFlags,
}

/// Flags of a listener that speaks TLS.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TlsFlags {
    /// Speak TLS with this certificate: a PEM file, the whole chain. Read again when it changes.
    #[arg(long, env = "MANYI_TLS_CERTIFICATE", requires = "tls_key", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// Key of the certificate, PEM.
    #[arg(long, env = "MANYI_TLS_KEY", requires = "tls_certificate", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsFlags {
    /// What they name; nothing when they are not given.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when a file cannot be read or the two do not belong together.
    pub fn open(&self) -> Result<Option<Tls>> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Tls::open(certificate, key).map(Some),
            _ => Ok(None),
        }
    }
}

impl ServiceConfig {
    /// Limits of the listener of a service.
    ///
    /// # Errors
    /// INVALID_ARGUMENT as [`TlsFlags::open`].
    pub fn limits(&self) -> Result<ServerLimits> {
        Ok(ServerLimits { tls: self.tls.open()?, ..ServerLimits::default() })
    }
}

/// The secret from which an installation's processes derive their common keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A fresh random seed.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// As [`FromStr`] reads it.
    pub fn to_base64(self) -> String {
        BASE64_STANDARD.encode(self.0)
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let bytes = BASE64_STANDARD.decode(text.trim()).unwrap_or_default();
        let seed = <[u8; 32]>::try_from(bytes.as_slice());
        seed.map(Self).map_err(|_| "the seed is 32 bytes in base64".to_owned())
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Serves `router` and runs `background` until SIGINT or SIGTERM, then ends both in order:
/// no new calls, running ones finish, background work last. Prints the address it listens on
/// as the first line, so that whoever started it can find it.
pub async fn run_service<F>(
    listen: SocketAddr,
    limits: ServerLimits,
    router: axum::Router,
    background: impl FnOnce(CancellationToken) -> F,
) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        crate::error::ServiceError::invalid("listen", format!("{listen}: {error}"))
    })?;
    let address = listener.local_addr().map_err(crate::error::ServiceError::internal)?;
    let signal = wait_for_signal();
    announce(address);
    let stop_serving = CancellationToken::new();
    let stop_background = CancellationToken::new();
    let background = tokio::spawn(background(stop_background.clone()));
    let stop = stop_serving.clone();
    tokio::spawn(async move {
        signal.await;
        tracing::info!("stopping");
        stop.cancel();
    });
    serve(listener, router, limits, stop_serving).await;
    stop_background.cancel();
    let _ = background.await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the address is this program's output")]
fn announce(address: SocketAddr) {
    println!("listening on {address}");
    tracing::info!(%address, "listening");
}

/// Waits for SIGINT or SIGTERM. Signals count from the call on, not from the first poll.
pub fn wait_for_signal() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).expect("a signal handler can be installed at start");
    let (mut interrupt, mut terminate) =
        (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_survives_printing_and_never_shows_in_debug() {
        let seed = Seed::random();
        assert_eq!(seed.to_base64().parse::<Seed>().unwrap(), seed);
        assert!("c2hvcnQ=".parse::<Seed>().is_err());
        assert_eq!(format!("{seed:?}"), "Seed(…)");
    }
}
