//! One kind of line end for all files, so that lines can be counted.

use std::io::{self, BufRead, BufReader, Read};

/// Reads with every line end (`\r\n`, `\r`, `\n`) as `\n`, and one after the last line.
pub struct Newlines<R> {
    inner: BufReader<R>,
    after_return: bool,
    last: u8,
}

impl<R: Read> Newlines<R> {
    /// Reads from `inner`, buffered.
    pub fn new(inner: R) -> Self {
        Self { inner: BufReader::new(inner), after_return: false, last: b'\n' }
    }

    /// The byte to hand on for one that was read, if any.
    fn translate(&mut self, byte: u8) -> Option<u8> {
        let second_half = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            b'\n' if second_half => None,
            b'\r' => Some(b'\n'),
            other => Some(other),
        }
    }
}

impl<R: Read> Read for Newlines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written == 0 && !out.is_empty() {
            let chunk = self.inner.fill_buf()?;
            let taken = chunk.len().min(out.len());
            if taken == 0 {
                if self.last != b'\n' {
                    (out[0], self.last, written) = (b'\n', b'\n', 1);
                }
                break;
            }
            out[..taken].copy_from_slice(&chunk[..taken]);
            self.inner.consume(taken);
            for i in 0..taken {
                if let Some(byte) = self.translate(out[i]) {
                    (out[written], self.last) = (byte, byte);
                    written += 1;
                }
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_becomes_the_same() {
        for (before, after) in [
            ("", ""),
            ("a", "a\n"),
            ("a\r\nb\rc\n\r\n\rd", "a\nb\nc\n\n\nd\n"),
            ("\r\n\r\n", "\n\n"),
        ] {
            for size in [1, 2, 3, 100] {
                let mut reader = Newlines::new(before.as_bytes());
                let mut found = Vec::new();
                let mut buffer = vec![0; size];
                loop {
                    let n = reader.read(&mut buffer).unwrap();
                    if n == 0 {
                        break;
                    }
                    found.extend_from_slice(&buffer[..n]);
                }
                assert_eq!(String::from_utf8(found).unwrap(), after, "{before:?} by {size}");
            }
        }
    }
}
