//! HTTP/1.1 by hand: what is written is what is sent, and what comes back is shown as it is.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// An answer as it came.
#[derive(Debug, Default)]
pub struct Reply {
    /// Status; 0 when the connection ended without an answer.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// Whether the server closed the connection in time.
    pub closed: bool,
}

/// Sends bytes; reads until the server closes, or, with `first`, until one answer is there.
pub async fn talk(address: &str, send: &[u8], first: bool) -> Reply {
    let address = address.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.expect("the port is open");
    // A server that refuses early closes before all is written.
    let _ = socket.write_all(send).await;
    let mut got = Vec::new();
    let mut closed = false;
    let reading = async {
        let mut chunk = [0; 16 << 10];
        loop {
            match socket.read(&mut chunk).await {
                Ok(0) | Err(_) => {
                    closed = true;
                    return;
                }
                Ok(count) => got.extend_from_slice(&chunk[..count]),
            }
            if first && is_whole(&got) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
    Reply { closed, ..read(&got) }
}

fn head_end(got: &[u8]) -> Option<usize> {
    got.windows(4).position(|window| window == b"\r\n\r\n")
}

/// Whether head and body of an answer with a length are there, or the head of another one.
fn is_whole(got: &[u8]) -> bool {
    let Some(end) = head_end(got) else { return false };
    let reply = read(got);
    match reply.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => got.len() >= end + 4 + length,
        None => {
            let kind = reply.header("content-type").unwrap_or_default();
            kind.starts_with("text/event-stream") || got.ends_with(b"0\r\n\r\n")
        }
    }
}

fn read(got: &[u8]) -> Reply {
    let Some(end) = head_end(got) else { return Reply::default() };
    if got.starts_with(b"HTTP/1.1 100 ") {
        return read(&got[end + 4..]);
    }
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let reply = Reply { status: status.unwrap_or(0), headers, ..Reply::default() };
    let body = &got[end + 4..];
    let chunked = reply.header("transfer-encoding") == Some("chunked");
    Reply { body: if chunked { unchunked(body) } else { body.to_vec() }, ..reply }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).unwrap_or("0");
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let from = end + 2;
        if size == 0 || body.len() < from + size + 2 {
            break;
        }
        out.extend_from_slice(&body[from..from + size]);
        body = &body[from + size + 2..];
    }
    out
}

impl Reply {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}
