//! What stands for what in the catalogue: `{window}` for an object, `{foreign:window}` for one
//! of another organisation, `{token:none}` for a forged token, `{a*1000}` for a long text.

use super::{tokens, World};

/// A text with its words replaced.
pub async fn filled(world: &World, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').filter(|(word, _)| is_word(word)) {
            Some((word, tail)) => {
                out.push_str(&value(world, word).await);
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
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b':' | b'0'..=b'9'))
    };
    plain(word) || repeated(word).is_some()
}

/// `a*1000`.
fn repeated(word: &str) -> Option<(&str, usize)> {
    let (text, times) = word.rsplit_once('*')?;
    let sound = !text.is_empty() && !text.contains('"');
    times.parse().ok().filter(|_| sound).map(|times| (text, times))
}

async fn value(world: &World, word: &str) -> String {
    if let Some((text, times)) = repeated(word) {
        return text.repeat(times);
    }
    match word.split_once(':') {
        Some(("token", name)) => tokens::forged(world, name),
        Some((place, word)) => world.scene.elsewhere(word, super::place(place)),
        None => world.scene.here(word, world.scene.principal("owner")).await,
    }
}
