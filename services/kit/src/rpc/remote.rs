//! One endpoint over the network. Transport errors become answers, so that a caller sees the
//! same kinds of errors as in one process.

use std::{convert::Infallible, error::Error, future::Future, io, pin::Pin, time::Duration};

use http::{Request, Response, Uri, uri::Scheme};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};
use tonic::{
    Code, Status, TimeoutExpired,
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{Service, ServiceExt as _};

use crate::{
    error::{Result, ServiceError},
    server::{tcp, tls},
};
use proto::common::v1::Reason;

const CONNECT: Duration = Duration::from_secs(2);
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// One endpoint, connected lazily.
#[derive(Clone)]
pub(super) struct Remote {
    channel: Channel,
}

impl Remote {
    /// Reads the URI; does not connect yet. Over `https` the certificate has to be signed by an
    /// authority that this process trusts.
    pub(super) fn new(uri: &str) -> Result<Self> {
        Self::with(uri, tls::connector)
    }

    /// The same with a way to find out what is trusted.
    pub(super) fn with(uri: &str, trust: impl Fn() -> Result<TlsConnector>) -> Result<Self> {
        let wrong = |_| ServiceError::invalid("uri", "is no URI of an endpoint");
        let endpoint = Endpoint::from_shared(uri.to_owned()).map_err(wrong)?;
        if endpoint.uri().host().is_none() {
            return Err(ServiceError::invalid("uri", "names no host"));
        }
        let secure = endpoint.uri().scheme() == Some(&Scheme::HTTPS);
        let endpoint = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_ANSWER)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        if !secure {
            let connect =
                tower::service_fn(
                    |uri: Uri| async move { reach(&uri, 80).await.map(TokioIo::new) },
                );
            return Ok(Self { channel: endpoint.connect_with_connector_lazy(connect) });
        }
        let connector = trust()?;
        let connect = tower::service_fn(move |uri: Uri| {
            let connector = connector.clone();
            async move { shake_hands(&connector, &uri).await.map(TokioIo::new) }
        });
        Ok(Self { channel: endpoint.connect_with_connector_lazy(connect) })
    }

    /// Calls, and tells transport errors apart from answers.
    pub(super) async fn call(
        self,
        request: Request<Body>,
    ) -> std::result::Result<Response<Body>, Status> {
        match self.channel.oneshot(request).await {
            Ok(response) => Ok(response.map(|body| Body::new(body.map_err(|e| lost(&e))))),
            Err(error) => Err(translate(&error)),
        }
    }
}

impl Service<Request<Body>> for Remote {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::result::Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let remote = self.clone();
        Box::pin(async move {
            Ok(Remote::call(remote, request).await.unwrap_or_else(Status::into_http))
        })
    }
}

/// Connects, to `port` where the URI names none.
async fn reach(uri: &Uri, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host(uri), uri.port_u16().unwrap_or(port))).await?;
    tcp::settle(&stream)?;
    Ok(stream)
}

fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// Connects and makes sure of the server's name.
async fn shake_hands(connector: &TlsConnector, uri: &Uri) -> io::Result<TlsStream<TcpStream>> {
    let stream = reach(uri, 443).await?;
    let name = ServerName::try_from(host(uri).to_owned()).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

/// The status for a call that got no answer.
fn translate(error: &(dyn Error + 'static)) -> Status {
    let mut source = Some(error);
    while let Some(present) = source {
        if present.downcast_ref::<TimeoutExpired>().is_some() {
            return Status::from(ServiceError::new(
                Code::DeadlineExceeded,
                Reason::DeadlineExceeded,
                "the call took longer than its deadline",
            ));
        }
        source = present.source();
    }
    tracing::debug!(%error, "a peer gave no answer");
    away()
}

/// The status for an answer that broke off.
fn lost(status: &Status) -> Status {
    if status.details().is_empty() {
        tracing::debug!(%status, "an answer broke off");
        return away();
    }
    status.clone()
}

fn away() -> Status {
    ServiceError::unavailable("a service cannot be reached now").into()
}
