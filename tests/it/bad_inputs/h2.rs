//! HTTP/2 by hand, frame by frame. Header blocks are literals without compression, so that
//! nothing has to be remembered between them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Types of frames.
pub const DATA: u8 = 0;
/// Opens a stream.
pub const HEADERS: u8 = 1;
/// Ends a stream.
pub const RST_STREAM: u8 = 3;
/// Limits of a side.
pub const SETTINGS: u8 = 4;
/// Ends the connection.
pub const GOAWAY: u8 = 7;
/// Lets the other side send more.
pub const WINDOW_UPDATE: u8 = 8;

/// Nothing follows on this stream.
pub const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// What it holds.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Error code of a GOAWAY or RST_STREAM frame.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        let bytes = self.payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_be_bytes)
    }

    /// Status of an answer; the first thing in its headers (RFC 7541, appendices A and B).
    pub fn status(&self) -> Option<u16> {
        const NAME_OF_STATUS: u8 = 8;
        const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
        if self.kind != HEADERS {
            return None;
        }
        let resized = self.payload.iter().take_while(|byte| *byte & 0xe0 == 0x20).count();
        match self.payload.get(resized..)? {
            [known, ..] if known & 0x80 != 0 => {
                KNOWN.get(usize::from((known & 0x7f).checked_sub(NAME_OF_STATUS)?)).copied()
            }
            [name, length, value @ ..] if name & 0x0f == NAME_OF_STATUS => {
                let value = value.get(..usize::from(length & 0x7f))?;
                let digits = if length & 0x80 == 0 { value.to_vec() } else { unpacked(value) };
                String::from_utf8(digits).ok()?.parse().ok()
            }
            _ => None,
        }
    }
}

/// Three digits in the code of Huffman: 0 to 2 have five bits, the others six.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut next = |count: u8| (0..count).try_fold(0, |sum, _| Some(sum << 1 | bits.next()?));
    let mut digits = Vec::new();
    while digits.len() < 3
        && let Some(five) = next(5)
    {
        let digit = match five {
            0..=2 => Some(five),
            _ => next(1).and_then(|last| (five << 1 | last).checked_sub(0x19 - 3)),
        };
        digits.extend(digit.map(|digit| b'0' + digit));
    }
    digits
}

/// A connection.
pub struct Connection {
    socket: TcpStream,
}

impl Connection {
    /// Connects and says hello.
    pub async fn open(address: &str) -> Self {
        let address = address.trim_start_matches("http://");
        let socket = TcpStream::connect(address).await.expect("the port is open");
        let mut this = Self { socket };
        this.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        this.send(SETTINGS, 0, 0, &[]).await;
        this
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        self.socket.write_all(bytes).await.is_ok()
    }

    /// Sends a frame; false when the server has closed.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&frame(kind, flags, stream, payload)).await
    }

    /// Opens a stream with these headers.
    pub async fn headers(&mut self, stream: u32, end: bool, headers: &[(&str, &str)]) -> bool {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(HEADERS, flags, stream, &block(headers)).await
    }

    /// Frames until one of a kind in `kinds`, the end of the connection, or the end of
    /// patience. The last one is of that kind if it came.
    pub async fn until(&mut self, kinds: &[u8], patience: Duration) -> Vec<Frame> {
        let mut frames = Vec::new();
        let reading = async {
            while let Some(frame) = self.next().await {
                let last = kinds.contains(&frame.kind);
                frames.push(frame);
                if last {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(patience, reading).await;
        frames
    }

    async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.socket.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind: head[3], flags: head[4], payload })
    }
}

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header block of literals (RFC 7541 section 6.2.2).
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        for text in [name, value] {
            length(text.len(), &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// A length with a prefix of seven bits (section 5.1).
fn length(length: usize, bytes: &mut Vec<u8>) {
    if length < 127 {
        bytes.push(u8::try_from(length).expect("below 127"));
        return;
    }
    bytes.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).expect("below 128") | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).expect("below 128"));
}

/// Headers of a call of a method.
pub fn call<'a>(path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    headers.extend_from_slice(more);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_status_is_read() {
        let status =
            |payload: &[u8]| Frame { kind: HEADERS, flags: 0, payload: payload.to_vec() }.status();
        assert_eq!(status(&[0x88, 0x5f]), Some(200));
        assert_eq!(status(&[0x8c]), Some(400));
        assert_eq!(status(&[0x20, 0x8c]), Some(400));
        assert_eq!(status(&[0x48, 0x03, b'4', b'3', b'1', 0]), Some(431));
        assert_eq!(status(&[0x48, 0x83, 0x69, 0x90, 0xff]), Some(431));
        assert_eq!(status(&[0x08, 0x82, 0x10, 0x03]), Some(200 + 1));
        assert_eq!(status(&[0x41, 0x01, b'x']), None);
        assert_eq!(status(&[]), None);
    }
}
