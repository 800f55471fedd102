//! TLS: the certificate of a listener, read again when its files change, and the authorities
//! that a caller trusts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use crate::error::{Result, ServiceError};

/// Handshakes at once; whoever begins one and does not go on takes no more than this.
const HANDSHAKES_MAX: usize = 64;
/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Names a file of trusted authorities instead of the system's.
const TRUST_FILE: &str = "SSL_CERT_FILE";
/// Where systems keep the authorities that they trust.
const SYSTEM_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Certificate and key of a listener. Clones share what was read.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    certificate: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
    look: Mutex<Look>,
    handshakes: Semaphore,
}

/// The last look at the files, and when they had changed then.
struct Look {
    at: Instant,
    changed: [Option<SystemTime>; 2],
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({})", self.inner.certificate.display())
    }
}

impl Tls {
    /// Reads a chain of certificates and the key of the first one, both PEM.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when a file cannot be read or the two do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self> {
        let config = read(certificate, key)?;
        let look = Look { at: Instant::now(), changed: [changed(certificate), changed(key)] };
        let inner = Inner {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            config: ArcSwap::from_pointee(config),
            look: Mutex::new(look),
            handshakes: Semaphore::new(HANDSHAKES_MAX),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Shakes hands with a client within `time`.
    ///
    /// # Errors
    /// When it takes longer, or the client speaks no TLS of ours: 1.2 or later, HTTP/2 or 1.1.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        time: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let shaking = async {
            let _turn = self.inner.handshakes.acquire().await;
            TlsAcceptor::from(self.present()).accept(stream).await
        };
        timeout(time, shaking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What the files hold. Files that became unusable change nothing.
    fn present(&self) -> Arc<ServerConfig> {
        let Inner { certificate, key, config, look, .. } = &*self.inner;
        let mut look = look.lock().unwrap_or_else(PoisonError::into_inner);
        if look.at.elapsed() >= LOOK_EVERY {
            look.at = Instant::now();
            let now = [changed(certificate), changed(key)];
            if now != look.changed {
                match read(certificate, key) {
                    Ok(new) => {
                        tracing::info!(file = %certificate.display(), "a new certificate is used");
                        config.store(Arc::new(new));
                        look.changed = now;
                    }
                    // Half of a new pair, most likely; the next look sees the other half.
                    Err(error) => tracing::warn!(%error, "the certificate is not read again"),
                }
            }
        }
        config.load_full()
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> ServiceError {
    ServiceError::invalid("tls", format!("{}: {error}", path.display()))
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig> {
    let wrong = |error| unreadable(certificate, error);
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(wrong)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, error))?;
    let found: std::result::Result<Vec<_>, _> = found.collect();
    let found = found.map_err(|error| unreadable(path, error))?;
    if found.is_empty() {
        return Err(unreadable(path, "holds no certificate"));
    }
    Ok(found)
}

/// Connects to HTTP/2 servers whose certificates an authority of the file that SSL_CERT_FILE
/// names has signed, or one that the system trusts.
///
/// # Errors
/// INVALID_ARGUMENT when there is no such file or it cannot be read.
pub(crate) fn connector() -> Result<TlsConnector> {
    let named = std::env::var_os(TRUST_FILE).map(PathBuf::from);
    let mut known = SYSTEM_FILES.iter().map(PathBuf::from);
    let file = named.or_else(|| known.find(|path| path.exists()));
    let file = file.ok_or_else(|| {
        let text = format!("this system names no authorities to trust: set {TRUST_FILE}");
        ServiceError::invalid("tls", text)
    })?;
    connector_trusting(&file)
}

/// The same with the authorities of one file.
pub(crate) fn connector_trusting(file: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(file)?);
    if added == 0 {
        return Err(unreadable(file, "holds no authority that can be used"));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(file, error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests;
