//! One connection from its first byte to its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt};

use super::{Draining, ServerLimits, socket::Watched, stall::Answers, tcp};

/// The least an HTTP/2 client without a call has sent when its time to begin is over: the
/// preface and the head of its settings. HTTP/1.1 headers are watched by hyper.
const BEGINNING_BYTES: u64 = 33;

/// Between looks at the answers of a connection that nobody looks at.
const UNWATCHED: Duration = Duration::from_secs(86_400);
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

/// What is known of one connection.
struct Conversation {
    /// Cancelled when its streams shall go on elsewhere.
    leave: CancellationToken,
    /// Whether there was a request.
    called: Arc<AtomicBool>,
    answers: Arc<Answers>,
}

/// A service as hyper wants it.
trait Answering:
    Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> Answering for S where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static
{
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
        if let Err(error) = tcp::settle(&stream) {
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
        match &self.limits.tls {
            None => self.converse(stream, address).await,
            Some(tls) => match tls.accept(stream, self.limits.first_byte).await {
                Ok(stream) => self.converse(stream, address).await,
                Err(error) => {
                    metrics::counter!("connections_unshaken_total").increment(1);
                    tracing::debug!(%error, "no handshake");
                }
            },
        }
        metrics::gauge!("connections_open").decrement(1.0);
    }

    /// What answers the requests of a connection.
    fn app(&self, address: SocketAddr, of: &Conversation) -> impl Answering {
        let (draining, called) = (Draining(of.leave.clone()), of.called.clone());
        let answers = self.limits.answer_stall.map(|_| of.answers.clone());
        let app = self.app.clone().map_request(move |mut request: Request<Incoming>| {
            called.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(address));
            request.extensions_mut().insert(draining.clone());
            request
        });
        ServiceExt::<Request<Incoming>>::map_response(app, move |response| match &answers {
            Some(answers) => answers.watch(response),
            None => response,
        })
    }

    async fn converse<S>(&self, stream: S, address: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let socket = Watched::new(stream, self.limits.write_stall);
        let received = socket.received();
        let of = Conversation {
            leave: self.stop.child_token(),
            called: Arc::default(),
            answers: Arc::new(Answers::new()),
        };
        let app = TowerToHyperService::new(self.app(address, &of));
        let talk = self.http.serve_connection(TokioIo::new(socket), app);
        tokio::pin!(talk);
        let begin_by = tokio::time::sleep(self.limits.header_read);
        tokio::pin!(begin_by);
        // A little apart, so that clients do not all come back in the same moment.
        let age = self.limits.connection_age.map(|age| age.mul_f64(rand::random_range(0.9..1.1)));
        let grown_old = tokio::time::sleep(age.unwrap_or(Duration::MAX / 4));
        tokio::pin!(grown_old);
        let stall = self.limits.answer_stall;
        let mut looks = tokio::time::interval(stall.unwrap_or(UNWATCHED) / 4);
        let (mut watching, mut closing, mut old) = (true, false, false);
        loop {
            tokio::select! {
                ended = talk.as_mut() => {
                    let _ = ended.inspect_err(|error| tracing::debug!(%error, "a bad end"));
                    return;
                }
                () = begin_by.as_mut(), if watching => {
                    watching = false;
                    let begun = received.load(Ordering::Relaxed) >= BEGINNING_BYTES;
                    if !begun && !of.called.load(Ordering::Relaxed) {
                        return;
                    }
                }
                () = grown_old.as_mut(), if age.is_some() && (old || !closing) => {
                    if old {
                        return;
                    }
                    (closing, old) = (true, true);
                    grown_old.as_mut().reset(Instant::now() + self.limits.age_grace);
                    of.leave.cancel();
                    talk.as_mut().graceful_shutdown();
                }
                _ = looks.tick(), if stall.is_some() => {
                    if stall.is_some_and(|stall| of.answers.stalled() >= stall) {
                        metrics::counter!("connections_stalled_total").increment(1);
                        return;
                    }
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
