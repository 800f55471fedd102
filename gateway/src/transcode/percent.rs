//! Percent-encoding, decoded exactly once.

/// Decodes text; with `plus`, a plus sign is a space as in forms. `None` for broken escapes
/// and for what is no UTF-8.
pub fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Decodes one part of a path; `None` also when it would be a path itself.
pub fn segment(text: &str) -> Option<String> {
    let decoded = decode(text, false)?;
    let dots = matches!(decoded.as_str(), "." | "..");
    let harmful = decoded.chars().any(|c| c == '/' || c == '\\' || c.is_control());
    (!dots && !harmful).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_once() {
        assert_eq!(decode("a%20b+c", true).as_deref(), Some("a b c"));
        assert_eq!(decode("a+b%252e", false).as_deref(), Some("a+b%2e"));
        assert_eq!(decode("%E4%B8%AD", false).as_deref(), Some("中"));
        for bad in ["%", "%4", "%zz", "%ff", "%c0%af"] {
            assert_eq!(decode(bad, true), None, "{bad}");
        }
        for bad in ["%2f", "..", "%2e%2e", "a%5cb", "a%00"] {
            assert_eq!(segment(bad), None, "{bad}");
        }
    }
}
