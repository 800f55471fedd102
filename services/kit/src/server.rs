//! Serving: an accept loop that survives slow, silent and greedy clients, and a shutdown that
//! loses no call.

mod connection;
pub mod health;
mod slots;
mod socket;
mod stall;
pub(crate) mod tcp;
pub mod tls;

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use slots::Slots;
pub use tls::Tls;

/// In the extensions of each request: cancelled when the server begins to shut down. Streams
/// then end with UNAVAILABLE, so that clients go on elsewhere.
#[derive(Debug, Clone)]
pub struct Draining(pub CancellationToken);

/// Limits of a listener. Everything a client can hold has one.
#[derive(Debug, Clone)]
pub struct ServerLimits {
    /// Most connections at once; default 2,000, less when the process may open fewer files.
    pub connections_max: usize,
    /// Most connections at once from one address; default 256, since a whole hall may stand
    /// behind one address.
    pub connections_per_address_max: usize,
    /// Most calls at once on one HTTP/2 connection; default 100.
    pub streams_max: u32,
    /// Largest header block in bytes; default 16 KiB.
    pub header_bytes_max: u32,
    /// Time until the first byte; default 5 s.
    pub first_byte: Duration,
    /// Time for a whole HTTP/1.1 header or the beginning of HTTP/2; default 10 s.
    pub header_read: Duration,
    /// Time that a client may take without reading any of what is ready for it; default 30 s.
    pub write_stall: Duration,
    /// Time without traffic after which an HTTP/2 client is asked whether it lives; 20 s.
    pub keepalive: Duration,
    /// Time to answer that; default 10 s.
    pub keepalive_answer: Duration,
    /// Time that the answers of a connection may all stand ready without being taken; then the
    /// connection ends. Default none: one connection may carry the calls of many.
    pub answer_stall: Option<Duration>,
    /// Age after which a connection is closed gracefully, so that clients find new replicas;
    /// its streams are told to go on elsewhere. Default none.
    pub connection_age: Option<Duration>,
    /// Time for what is still running then; default 30 s.
    pub age_grace: Duration,
    /// Time for calls in flight at shutdown; default 30 s.
    pub drain: Duration,
    /// Certificate with which everything is spoken over TLS; default none. A handshake takes at
    /// most [`Self::first_byte`].
    pub tls: Option<Tls>,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections_max: slots::files_max().saturating_sub(500).clamp(64, 2_000),
            connections_per_address_max: 256,
            streams_max: 100,
            header_bytes_max: 16 << 10,
            first_byte: Duration::from_secs(5),
            header_read: Duration::from_secs(10),
            write_stall: Duration::from_secs(30),
            keepalive: Duration::from_secs(20),
            keepalive_answer: Duration::from_secs(10),
            answer_stall: None,
            connection_age: None,
            age_grace: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            tls: None,
        }
    }
}

impl ServerLimits {
    /// Of a listener whose clients are not processes of the installation: nobody holds an
    /// answer, or a connection, for ever.
    pub fn public() -> Self {
        Self {
            answer_stall: Some(Duration::from_secs(30)),
            connection_age: Some(Duration::from_secs(600)),
            ..Self::default()
        }
    }
}

/// Serves `app` over HTTP/1.1 and HTTP/2 until `stop`, then lets calls in flight
/// end for at most [`ServerLimits::drain`].
pub async fn serve(
    listener: TcpListener,
    app: axum::Router,
    limits: ServerLimits,
    stop: CancellationToken,
) {
    let slots = Slots::new(limits.connections_max, limits.connections_per_address_max);
    let serving = connection::Serving::new(app, limits.clone(), stop.clone());
    let connections = TaskTracker::new();
    while let Some((stream, address)) = next(&listener, &slots, &stop).await {
        let Some(slot) = slots.take(address.ip()) else {
            metrics::counter!("connections_refused_total").increment(1);
            continue;
        };
        let serving = serving.clone();
        connections.spawn(async move {
            serving.run(stream, address).await;
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(left = connections.len(), "connections were cut at the end of the drain");
        serving.cut();
        connections.wait().await;
    }
}

/// The next connection; `None` at shutdown.
async fn next(
    listener: &TcpListener,
    slots: &Slots,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    let mut pause = Duration::from_millis(50);
    loop {
        let accepted = async {
            // Waiting connections stay in the kernel's queue and cost no file.
            slots.wait_for_room().await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of files: accepting again at once would only burn the processor.
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "accept failed");
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
