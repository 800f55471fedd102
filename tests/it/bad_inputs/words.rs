//! What stands for what in the catalogue: `{window}` for an object, `{foreign:window}` for one
//! of another organisation, `{token:none}` for a forged token, `<<a*1000>>` for a long text,
//! `<<hex:ff>>` for bytes.

use super::tokens;
use crate::authorization::scene::{Scene, Where};

/// A text with everything replaced; it need not be UTF-8 any more.
pub async fn bytes(scene: &Scene, text: &str) -> Vec<u8> {
    let text = words(scene, text).await;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("<<") {
        out.extend_from_slice(before.as_bytes());
        let (inner, tail) = after.split_once(">>").expect("a closed generator");
        match inner.strip_prefix("hex:") {
            Some(hex) => out.extend(unhex(hex)),
            None => {
                let (text, times) = inner.rsplit_once('*').expect("text*times");
                out.extend(text.repeat(times.parse().expect("a number of times")).bytes());
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The same where it has to be text.
pub async fn text(scene: &Scene, text: &str) -> String {
    String::from_utf8(bytes(scene, text).await).expect("a text")
}

/// Bytes of hexadecimal digits; blanks are for people.
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

async fn words(scene: &Scene, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').filter(|(word, _)| is_word(word)) {
            Some((word, tail)) => {
                out.push_str(&value(scene, word).await);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Braces of JSON hold something else.
fn is_word(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || matches!(b, b'_' | b':' | b'0'..=b'9');
    !word.is_empty() && word.bytes().all(plain)
}

async fn value(scene: &Scene, word: &str) -> String {
    match word.split_once(':') {
        Some(("token", name)) => tokens::forged(scene, name),
        Some((place, word)) => {
            let place = match place {
                "sibling" => Where::Sibling,
                "foreign" => Where::Foreign,
                "nowhere" => Where::Nowhere,
                other => panic!("no place {other}"),
            };
            scene.elsewhere(word, place)
        }
        None => scene.here(word, scene.principal("owner")).await,
    }
}
