//! The listener against slow, silent and greedy clients, and its shutdown.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn quick() -> ServerLimits {
    ServerLimits {
        first_byte: Duration::from_millis(200),
        header_read: Duration::from_millis(400),
        drain: Duration::from_secs(2),
        connections_per_address_max: 5,
        ..ServerLimits::default()
    }
}

async fn start(
    limits: ServerLimits,
) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        "done"
    };
    let app = axum::Router::new()
        .route("/", axum::routing::get(|| async { "hello" }))
        .route("/slow", axum::routing::get(slow))
        .route("/large", axum::routing::get(|| async { "x".repeat(3_000_000) }))
        .route("/never", axum::routing::get(std::future::pending::<&'static str>));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, app, limits, stop.clone()));
    (address, stop, task)
}

/// Sends bytes, then reads until the server closes; returns the answer and the time it took.
async fn talk(address: SocketAddr, send: &[u8]) -> (String, Duration) {
    let began = Instant::now();
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(send).await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
}

#[tokio::test]
async fn silent_and_dripping_connections_are_closed() {
    let (address, ..) = start(quick()).await;
    let begun: &[&[u8]] = &[
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: x\r\nx-header",
        b"PRI * HTTP/2.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in begun {
        let (_, took) = talk(address, bytes).await;
        assert!(took < Duration::from_secs(2), "{:?}: {took:?}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn one_port_speaks_http_1_and_2() {
    let (address, ..) = start(quick()).await;
    let (answer, _) =
        talk(address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");

    let mut socket = TcpStream::connect(address).await.unwrap();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat();
    socket.write_all(&hello).await.unwrap();
    let mut head = [0; 9];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "the server answers with its settings");
    let mut body = vec![0; usize::from(head[2])];
    socket.read_exact(&mut body).await.unwrap();
    let limits: Vec<(u8, u32)> =
        body.chunks(6).map(|s| (s[1], u32::from_be_bytes([s[2], s[3], s[4], s[5]]))).collect();
    assert!(limits.contains(&(3, 100)), "streams are limited: {limits:?}");
    assert!(limits.contains(&(6, 16 << 10)), "header lists are limited: {limits:?}");
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let limits = ServerLimits { first_byte: Duration::from_secs(5), ..quick() };
    let (address, ..) = start(limits).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut sixth = TcpStream::connect(address).await.unwrap();
    let _ = sixth.write_all(request).await;
    let mut answer = Vec::new();
    let _ = sixth.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "the sixth connection is closed");
    held.pop();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (answer, _) = talk(address, request).await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_shutdown_lets_running_calls_end() {
    let (address, stop, task) = start(quick()).await;
    let call =
        tokio::spawn(async move { talk(address, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
    let (answer, _) = call.await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    task.await.unwrap();
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let limits = ServerLimits { drain: Duration::from_millis(300), ..quick() };
    let (address, stop, task) = start(limits).await;
    let call =
        tokio::spawn(async move { talk(address, b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(3), task).await.expect("the server ends").unwrap();
    call.await.unwrap();
}

#[tokio::test]
async fn old_connections_are_closed_gracefully() {
    let limits = ServerLimits {
        connection_age: Some(Duration::from_millis(300)),
        header_read: Duration::from_secs(10),
        ..quick()
    };
    let (address, ..) = start(limits).await;
    let (answer, took) = talk(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn an_old_connection_is_cut_when_its_calls_do_not_end() {
    let limits = ServerLimits {
        connection_age: Some(Duration::from_millis(200)),
        age_grace: Duration::from_millis(200),
        ..quick()
    };
    let (address, ..) = start(limits).await;
    let call = talk(address, b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
    tokio::time::timeout(Duration::from_secs(5), call).await.expect("it is cut");
}

/// HTTP/2 by hand: begins with no room for any answer and asks for a path.
async fn ask_without_room(address: SocketAddr, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    let length = u8::try_from(path.len()).unwrap();
    let block = [&[0x82, 0x86, 0x41, 1, b'x', 0x04, length], path.as_bytes()].concat();
    let length = u8::try_from(block.len()).unwrap();
    let headers = [&[0, 0, length, 1, 5, 0, 0, 0, 1][..], &block].concat();
    let bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers].concat();
    socket.write_all(&bytes).await.unwrap();
    socket
}

#[tokio::test]
async fn who_takes_nothing_of_a_ready_answer_is_cut_off_and_who_waits_for_one_is_not() {
    let stall = Duration::from_millis(400);
    let (address, ..) = start(ServerLimits { answer_stall: Some(stall), ..quick() }).await;
    let mut waits = ask_without_room(address, "/never").await;
    for path in ["/", "/large"] {
        let mut takes_nothing = ask_without_room(address, path).await;
        let mut seen = Vec::new();
        let end = takes_nothing.read_to_end(&mut seen);
        tokio::time::timeout(Duration::from_secs(5), end).await.expect("it is cut off").unwrap();
    }
    let mut seen = Vec::new();
    let end = tokio::time::timeout(Duration::from_millis(200), waits.read_to_end(&mut seen)).await;
    assert!(end.is_err(), "who waits for an answer is left alone");
    // Who takes it at its own pace gets all of it.
    let (answer, _) =
        talk(address, b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(
        answer.contains("content-length: 3000000") && answer.len() > 3_000_000,
        "{answer:.200}"
    );
}
