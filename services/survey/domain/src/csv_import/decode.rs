//! From bytes to text, part by part; a sign that is cut by the end of a part waits for the next.

use serde::{Deserialize, Serialize};

/// How a file is written. The numbers are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8.
    Utf8 = 1,
    /// GB 18030 with GBK and GB 2312.
    Gb18030 = 2,
    /// UTF-16, low byte first.
    Utf16Le = 3,
    /// UTF-16, high byte first.
    Utf16Be = 4,
}

impl Encoding {
    /// The encoding with this number; 0 is UTF-8.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 | 1 => Some(Self::Utf8),
            2 => Some(Self::Gb18030),
            3 => Some(Self::Utf16Le),
            4 => Some(Self::Utf16Be),
            _ => None,
        }
    }
}

/// State of decoding between two parts of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decoder {
    encoding: Encoding,
    /// Bytes of a sign that was cut, at most three.
    left: Vec<u8>,
    begun: bool,
}

const NOT_UTF_8: &str = "is not UTF-8 here; declare the encoding if it is UTF-16 or GB 18030";

impl Decoder {
    /// At the beginning of a file.
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, left: Vec::new(), begun: false }
    }

    /// Adds the text of the next bytes to `out`, also when they become unsound on the way.
    ///
    /// # Errors
    /// What is wrong after the text that was added.
    pub fn feed(&mut self, bytes: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut whole = std::mem::take(&mut self.left);
        whole.extend_from_slice(bytes);
        let from = out.len();
        let result = match self.encoding {
            Encoding::Utf8 => self.utf_8(&whole, out),
            Encoding::Gb18030 => self.gb_18030(&whole, out),
            Encoding::Utf16Le => self.utf_16(&whole, u16::from_le_bytes, out),
            Encoding::Utf16Be => self.utf_16(&whole, u16::from_be_bytes, out),
        };
        if !self.begun && out.len() > from {
            self.begun = true;
            if out[from..].starts_with('\u{feff}') {
                out.drain(from..from + '\u{feff}'.len_utf8());
            }
        }
        result
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it ends within a sign.
    pub fn finish(&self) -> Result<(), &'static str> {
        if self.left.is_empty() { Ok(()) } else { Err("the file ends within a character") }
    }

    fn utf_8(&mut self, bytes: &[u8], out: &mut String) -> Result<(), &'static str> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                Ok(())
            }
            Err(error) => {
                let (good, rest) = bytes.split_at(error.valid_up_to());
                out.push_str(std::str::from_utf8(good).expect("it is valid up to here"));
                match error.error_len() {
                    None => {
                        self.left = rest.to_vec();
                        Ok(())
                    }
                    Some(_) => Err(NOT_UTF_8),
                }
            }
        }
    }

    fn utf_16(
        &mut self,
        bytes: &[u8],
        unit: fn([u8; 2]) -> u16,
        out: &mut String,
    ) -> Result<(), &'static str> {
        let mut at = 0;
        while let Some(pair) = bytes.get(at..at + 2) {
            let first = unit([pair[0], pair[1]]);
            let is_high = (0xd800..0xdc00).contains(&first);
            let second = bytes.get(at + 2..at + 4).map(|pair| unit([pair[0], pair[1]]));
            if is_high && second.is_none() {
                break;
            }
            let units = [Some(first), second.filter(|_| is_high)];
            match char::decode_utf16(units.into_iter().flatten()).next() {
                Some(Ok(sign)) => out.push(sign),
                _ => return Err("is not UTF-16 here"),
            }
            at += if is_high { 4 } else { 2 };
        }
        self.left = bytes[at..].to_vec();
        Ok(())
    }

    fn gb_18030(&mut self, bytes: &[u8], out: &mut String) -> Result<(), &'static str> {
        let whole = gb_boundary(bytes);
        self.left = bytes[whole..].to_vec();
        // Line by line, since no sign of more than one byte holds an LF: a fault is found in its
        // line, and there sign by sign.
        for line in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            match encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(line) {
                Some(text) => out.push_str(&text),
                None => return Self::gb_fault(line, out),
            }
        }
        Ok(())
    }

    /// Adds the text before the fault of a line.
    fn gb_fault(line: &[u8], out: &mut String) -> Result<(), &'static str> {
        let mut at = 0;
        while at < line.len() {
            let length = gb_length(&line[at..]).unwrap_or(1).min(line.len() - at);
            let sign = &line[at..at + length];
            match encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(sign) {
                Some(text) => out.push_str(&text),
                None => break,
            }
            at += length;
        }
        Err("is not GB 18030 here")
    }
}

/// Length of the first sign in bytes; nothing when it is cut.
fn gb_length(bytes: &[u8]) -> Option<usize> {
    match (bytes.first()?, bytes.get(1)) {
        (0..=0x80 | 0xff, _) => Some(1),
        (_, None) => None,
        (_, Some(0x30..=0x39)) => (bytes.len() >= 4).then_some(4),
        (_, Some(_)) => Some(2),
    }
}

/// Where the last whole sign ends.
fn gb_boundary(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match gb_length(&bytes[at..]) {
            Some(length) => at += length,
            None => break,
        }
    }
    at
}
