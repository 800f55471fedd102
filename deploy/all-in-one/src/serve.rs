//! `manyi serve`: the suite behind one port, until it is told to stop.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use kit::{
    config::{Seed, TlsFlags, wait_for_signal},
    program::listen_address,
    server::{ServerLimits, serve},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tools::{
    error::{Error, Result},
    output::say,
};

use crate::{
    data::DataFolder,
    suite::{Suite, SuiteConfig},
};

/// Serve the whole suite from this process
///
/// Without options it keeps its data in SQLite files under ./data and listens on this machine
/// only. There is no default password: create the first organisation with
/// `manyi admin create-organisation`, or look around with `manyi demo`.
#[derive(Clone, clap::Args)]
#[group(id = "serving")]
pub struct Args {
    /// Address and port to listen on; 0.0.0.0:8080 is every interface
    #[arg(long, env = "MANYI_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS",
          value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Folder of the databases and the installation's seed
    #[arg(long, env = "MANYI_DATA", default_value = "./data", value_name = "FOLDER")]
    pub data: PathBuf,
    #[command(flatten)]
    pub databases: DatabaseArgs,
    #[command(flatten, next_help_heading = "First organisation (made if there is none)")]
    pub first: auth::BootstrapFlags,
    #[command(flatten, next_help_heading = "Gateway")]
    pub gateway: gateway::Settings,
    #[command(flatten, next_help_heading = "TLS (default: none, for use behind a proxy)")]
    pub tls: TlsFlags,
}

/// Databases that are not SQLite files of the data folder.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Databases (default: SQLite files in the data folder)")]
pub struct DatabaseArgs {
    /// Database of the auth service, such as postgres://user@host/manyi_auth
    #[arg(long, env = "MANYI_DATABASE_AUTH", hide_env_values = true, value_name = "URL")]
    pub database_auth: Option<String>,
    /// Database of the device service
    #[arg(long, env = "MANYI_DATABASE_DEVICE", hide_env_values = true, value_name = "URL")]
    pub database_device: Option<String>,
    /// Database of the survey service
    #[arg(long, env = "MANYI_DATABASE_SURVEY", hide_env_values = true, value_name = "URL")]
    pub database_survey: Option<String>,
    /// Database of the analytics service
    #[arg(long, env = "MANYI_DATABASE_ANALYTICS", hide_env_values = true, value_name = "URL")]
    pub database_analytics: Option<String>,
}

/// What is known once the suite answers.
pub struct Ready {
    /// Address of the API, such as `http://127.0.0.1:8080`.
    pub address: String,
    /// The installation's seed.
    pub seed: Seed,
    /// The data folder.
    pub data: PathBuf,
}

/// Serves until SIGINT or SIGTERM.
pub async fn main(args: Args) -> Result<()> {
    run(args, |ready, stop| async move {
        let address = &ready.address;
        say(format!("Manyi is ready at {address} (see {address}/docs); Ctrl-C stops it"));
        say("Nobody can sign in yet? `manyi admin create-organisation --help`");
        stop.cancelled().await;
        Ok(())
    })
    .await
}

/// Serves, and runs `guest` as a user of the suite. Ends when told to, or when the guest
/// fails; a guest that is done leaves the suite running.
pub async fn run<G, F>(args: Args, guest: G) -> Result<()>
where
    G: FnOnce(Ready, CancellationToken) -> F,
    F: Future<Output = Result<()>>,
{
    let began = Instant::now();
    let folder = DataFolder::open(&args.data)?;
    let seed = folder.seed()?;
    let tls = args.tls.open().map_err(|error| Error::Usage(error.to_string()))?;
    // The port first: what cannot be served need not be opened.
    let listener = bind(args.listen).await?;
    let address = address_of(&listener, tls.is_some())?;
    let suite = Suite::start(config(&args, &folder, seed)?).await;
    let suite = suite.map_err(|error| Error::call("opening the databases", error))?;
    let took_ms = began.elapsed().as_millis() as u64;
    tracing::info!(%address, took_ms, "serving");

    let (stop_guest, stop_serving) = (CancellationToken::new(), CancellationToken::new());
    let drain = Duration::from_secs(10);
    let limits = ServerLimits { drain, tls, ..ServerLimits::public() };
    let server = tokio::spawn(serve(listener, suite.router(), limits, stop_serving.clone()));
    let ready = Ready { address, seed, data: args.data.clone() };
    let guest = guest(ready, stop_guest.clone());
    tokio::pin!(guest);
    let done = tokio::select! {
        () = wait_for_signal() => {
            tracing::info!("stopping; once more to stop at once");
            stop_guest.cancel();
            tokio::spawn(leave_at_the_second_signal());
            guest.await
        }
        Err(error) = &mut guest => Err(error),
    };
    stop_serving.cancel();
    let _ = server.await;
    suite.stop().await;
    drop(folder);
    tracing::info!("stopped");
    done
}

/// Whoever asks twice does not want to wait; what was acknowledged is on disk in any case.
async fn leave_at_the_second_signal() {
    wait_for_signal().await;
    std::process::exit(130);
}

fn config(args: &Args, folder: &DataFolder, seed: Seed) -> Result<SuiteConfig> {
    let urls = &args.databases;
    let databases = folder.databases(
        urls.database_auth.as_deref(),
        urls.database_device.as_deref(),
        urls.database_survey.as_deref(),
        urls.database_analytics.as_deref(),
    );
    let mut config = SuiteConfig::new(databases, seed.0);
    let first = args.first.clone().read();
    config.bootstrap = first.map_err(|error| Error::Usage(error.to_string()))?;
    config.gateway = args.gateway.clone().into();
    Ok(config)
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::Usage(format!("cannot listen on {address}: {error}; choose another with --listen"))
    })
}

fn address_of(listener: &TcpListener, tls: bool) -> Result<String> {
    let address = listener.local_addr().map_err(|e| Error::file(Path::new("socket"), e))?;
    // What listens everywhere is reached from this machine by its own address.
    let host = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
        ip if ip.is_unspecified() => "[::1]".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    let scheme = if tls { "https" } else { "http" };
    Ok(format!("{scheme}://{host}:{}", address.port()))
}
