//! Settings of TCP sockets, the same for whoever accepts and whoever connects.

use std::io;

use tokio::net::TcpStream;

/// Has small pieces sent at once, and no pacing within one machine: where BBR is the system's
/// congestion control, large answers to a neighbour wait for milliseconds while both are idle.
///
/// # Errors
/// When the connection has ended already.
pub(crate) fn settle(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    if stream.peer_addr()?.ip().is_loopback() {
        // Every Linux has Reno, for every user. Without it there would be a delay and no more.
        let _ = socket2::SockRef::from(stream).set_tcp_congestion(b"reno");
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_within_the_machine_is_not_paced() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        for stream in [connected, accepted] {
            settle(&stream).unwrap();
            let control = socket2::SockRef::from(&stream).tcp_congestion().unwrap();
            assert!(control.starts_with(b"reno"), "{control:?}");
            assert!(stream.nodelay().unwrap());
        }
    }
}
