//! One connection from its first byte to its end.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Draining, ServerLimits, socket::Watched};

/// The least an HTTP/2 client without a call has sent when its time to begin is over: the
/// preface and the head of its settings. HTTP/1.1 headers are watched by hyper.
const BEGINNING_BYTES: u64 = 33;

const HTTP1_BUFFER_BYTES: usize = 64 << 10;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Streams that the server itself had to reset; honest clients cause a few when they burst
/// before they have read the limits.
const LOCAL_RESETS_MAX: usize = 1024;
const PENDING_RESETS_MAX: usize = 20;

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Serving {
    app: axum::Router,
    http: auto::Builder<TokioExecutor>,
    limits: ServerLimits,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Serving {
    pub(super) fn new(app: axum::Router, limits: ServerLimits, stop: CancellationToken) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read)
            .max_buf_size(HTTP1_BUFFER_BYTES)
            .max_headers(100);
        // Each guard is set by name: what is left out is switched off, not defaulted.
        http.http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_max)
            .max_local_error_reset_streams(LOCAL_RESETS_MAX)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_header_list_size(limits.header_bytes_max)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(limits.keepalive)
            .keep_alive_timeout(limits.keepalive_answer);
        Self { app: app.with_state(()), http, limits, stop, cut: CancellationToken::new() }
    }

    /// Ends all connections at once.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Serves one connection to its end.
    pub(super) async fn run(self, stream: TcpStream, address: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return;
        }
        // Peeking waits for the first byte and leaves it where it is.
        let first = tokio::time::timeout(self.limits.first_byte, async {
            stream.peek(&mut [0]).await.is_ok_and(|count| count > 0)
        });
        let began = tokio::select! {
            began = first => matches!(began, Ok(true)),
            () = self.stop.cancelled() => false,
        };
        if !began {
            metrics::counter!("connections_silent_total").increment(1);
            return;
        }
        metrics::gauge!("connections_open").increment(1.0);
        self.converse(stream, address).await;
        metrics::gauge!("connections_open").decrement(1.0);
    }

    async fn converse(&self, stream: TcpStream, address: SocketAddr) {
        let socket = Watched::new(stream, self.limits.write_stall);
        let received = socket.received();
        let draining = Draining(self.stop.clone());
        let called = Arc::new(AtomicBool::new(false));
        let calls = called.clone();
        let app = self.app.clone().map_request(move |mut request: Request<Incoming>| {
            calls.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(address));
            request.extensions_mut().insert(draining.clone());
            request
        });
        let talk = self.http.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app));
        tokio::pin!(talk);
        let begin_by = tokio::time::sleep(self.limits.header_read);
        tokio::pin!(begin_by);
        // A little apart, so that clients do not all come back in the same moment.
        let age = self.limits.connection_age.map(|age| age.mul_f64(rand::random_range(0.9..1.1)));
        let grown_old = tokio::time::sleep(age.unwrap_or(Duration::MAX / 4));
        tokio::pin!(grown_old);
        let (mut watching, mut closing) = (true, false);
        loop {
            tokio::select! {
                ended = talk.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection ended with an error");
                    }
                    return;
                }
                () = begin_by.as_mut(), if watching => {
                    watching = false;
                    let begun = received.load(Ordering::Relaxed) >= BEGINNING_BYTES;
                    if !begun && !called.load(Ordering::Relaxed) {
                        return;
                    }
                }
                () = grown_old.as_mut(), if age.is_some() && !closing => {
                    closing = true;
                    talk.as_mut().graceful_shutdown();
                }
                () = self.stop.cancelled(), if !closing => {
                    closing = true;
                    talk.as_mut().graceful_shutdown();
                }
                () = self.cut.cancelled() => return,
            }
        }
    }
}
