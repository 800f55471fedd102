//! TLS at the listener and at the caller.

use std::{fs, net::SocketAddr, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::server::{ServerLimits, serve};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// An authority, and what it signs.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(folder.path().join("authority.pem"), pem).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trusted(&self) -> TlsConnector {
        connector_trusting(&self.path("authority.pem")).unwrap()
    }

    /// Writes a certificate for a host and its key.
    fn sign(&self, host: &str, last_year: i32) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(2001, 1, 1), date_time_ymd(last_year, 12, 31));
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        fs::write(self.path("certificate.pem"), pem).unwrap();
    }

    fn tls(&self) -> Tls {
        Tls::open(&self.path("certificate.pem"), &self.path("key.pem")).unwrap()
    }

    /// Serves with what was signed last.
    async fn serve(&self) -> SocketAddr {
        let limits = ServerLimits {
            first_byte: Duration::from_millis(800),
            tls: Some(self.tls()),
            ..ServerLimits::default()
        };
        let app = crate::rpc::service_stack(
            tonic::service::Routes::default(),
            tower::layer::util::Identity::new(),
        )
        .route("/", axum::routing::get(|| async { "hello" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, app, limits, CancellationToken::new()));
        address
    }

    async fn knock(
        &self,
        address: SocketAddr,
        protocol: &[u8],
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut config = (**self.trusted().config()).clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn get(&self, address: SocketAddr) -> io::Result<String> {
        let mut stream = self.knock(address, b"http/1.1").await?;
        stream.write_all(GET).await?;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_tls() {
    let authority = Authority::new();
    authority.sign("localhost", 2090);
    let address = authority.serve().await;
    let answer = authority.get(address).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    assert!(is_well(&format!("https://localhost:{}", address.port()), &authority).await);
}

/// Whether the health service answers a caller that trusts `authority`.
async fn is_well(uri: &str, authority: &Authority) -> bool {
    let chan = crate::rpc::connect_trusting(uri, || Ok(authority.trusted())).unwrap();
    crate::server::health::check(chan).await
}

#[tokio::test]
async fn another_name_another_authority_and_an_old_certificate_are_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.sign("localhost", 2090);
    let address = authority.serve().await;
    let uri = format!("https://localhost:{}", address.port());
    assert!(is_well(&uri, &authority).await);
    assert!(!is_well(&uri, &other).await, "another authority");
    let by_number = format!("https://127.0.0.1:{}", address.port());
    assert!(!is_well(&by_number, &authority).await, "another name");
    let plain = format!("http://localhost:{}", address.port());
    assert!(!is_well(&plain, &authority).await, "no TLS");
    authority.sign("localhost", 2020);
    let address = authority.serve().await;
    let uri = format!("https://localhost:{}", address.port());
    assert!(!is_well(&uri, &authority).await, "over since 2020");
}

/// What a server answers to bytes, until it closes.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// The first message of TLS 1.1: no extension, one cipher of its time.
fn hello_of_tls_1_1() -> Vec<u8> {
    let body = [&[3, 2][..], &[7; 32], &[0], &[0, 2, 0, 0x2f], &[1, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &body].concat()
}

#[tokio::test]
async fn plain_text_old_versions_and_unknown_protocols_get_nowhere() {
    const ALERT: u8 = 21;
    let authority = Authority::new();
    authority.sign("localhost", 2090);
    let address = authority.serve().await;
    for bytes in [GET, &hello_of_tls_1_1(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = answer_to(address, bytes).await;
        assert!(answer.first().is_none_or(|first| *first == ALERT), "{answer:?}");
    }
    assert!(authority.knock(address, b"spdy/3").await.is_err());
    assert!(authority.get(address).await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn half_handshakes_are_given_up_and_keep_nobody_out() {
    let authority = Authority::new();
    authority.sign("localhost", 2090);
    let address = authority.serve().await;
    let mut halves = Vec::new();
    for _ in 0..HANDSHAKES_MAX + 20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
        halves.push(stream);
    }
    for half in &mut halves {
        // It may be told why before it is cut off.
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(10), half.read_to_end(&mut rest)).await;
        assert!(end.is_ok(), "it is still held");
    }
    assert!(authority.get(address).await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn a_new_certificate_is_used_without_a_restart() {
    let authority = Authority::new();
    authority.sign("localhost", 2090);
    let address = authority.serve().await;
    let shown = async || {
        let stream = authority.knock(address, b"http/1.1").await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].as_ref().to_vec()
    };
    let mut old = authority.knock(address, b"http/1.1").await.unwrap();
    let first = shown().await;
    // A file that is being written is no certificate, and changes nothing.
    fs::write(authority.path("certificate.pem"), "-----BEGIN").unwrap();
    tokio::time::sleep(LOOK_EVERY).await;
    assert_eq!(shown().await, first);
    authority.sign("localhost", 2091);
    let renewed = async {
        while shown().await == first {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), renewed).await.expect("the new one is shown");
    old.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    let _ = old.read_to_end(&mut answer).await;
    assert!(answer.ends_with(b"hello"), "a connection that was open goes on");
}

#[test]
fn files_that_are_no_pair_are_refused_by_name() {
    let authority = Authority::new();
    authority.sign("localhost", 2090);
    let (certificate, key) = (authority.path("certificate.pem"), authority.path("key.pem"));
    fs::copy(&key, authority.path("first.pem")).unwrap();
    authority.sign("localhost", 2090);
    for (certificate, key) in [
        (&certificate, &authority.path("first.pem")),
        (&key, &key),
        (&certificate, &authority.path("missing.pem")),
        (&certificate, &certificate),
    ] {
        let error = Tls::open(certificate, key).unwrap_err();
        assert!(error.to_string().contains(".pem"), "{error}");
    }
}
