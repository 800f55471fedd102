//! Words of a filter.

use jiff::civil::Date;

use super::Fault;
use crate::attribute;

/// A word with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Place in characters, from 1.
    pub at: usize,
    /// The word.
    pub word: Word,
}

/// A word.
#[derive(Debug, Clone, PartialEq)]
pub enum Word {
    /// Name or keyword, in small letters.
    Name(String),
    /// Text in quotes.
    Text(String),
    /// Number.
    Number(f64),
    /// Date.
    Date(Date),
    /// One of `= != < <= > >=`.
    Sign(&'static str),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// The end.
    End,
}

/// All words, the end last.
pub fn words(text: &str) -> Result<Vec<Token>, Fault> {
    let signs: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(sign) = signs.get(at) {
        if sign.is_whitespace() {
            at += 1;
            continue;
        }
        let (word, length) = word(&signs[at..]).map_err(|text| Fault { at: at + 1, text })?;
        found.push(Token { at: at + 1, word });
        at += length;
    }
    found.push(Token { at: signs.len() + 1, word: Word::End });
    Ok(found)
}

fn word(rest: &[char]) -> Result<(Word, usize), String> {
    match rest[0] {
        '(' => Ok((Word::Open, 1)),
        ')' => Ok((Word::Close, 1)),
        ',' => Ok((Word::Comma, 1)),
        quote @ ('\'' | '"') => quoted(rest, quote),
        sign if sign.is_ascii_digit() || sign == '-' || sign == '.' => number_or_date(rest),
        sign if sign.is_ascii_alphabetic() => Ok(name(rest)),
        _ => comparison(rest),
    }
}

fn comparison(rest: &[char]) -> Result<(Word, usize), String> {
    for sign in ["!=", "<=", ">=", "=", "<", ">"] {
        if sign.chars().eq(rest.iter().copied().take(sign.len())) {
            return Ok((Word::Sign(sign), sign.len()));
        }
    }
    Err("this sign has no meaning here".to_owned())
}

fn quoted(rest: &[char], quote: char) -> Result<(Word, usize), String> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (None, _) => return Err("the text has no end".to_owned()),
            (Some(sign), next) if *sign == quote => {
                if next != Some(&quote) {
                    return Ok((Word::Text(text), at + 1));
                }
                text.push(quote);
                at += 2;
            }
            (Some(sign), _) => {
                text.push(*sign);
                at += 1;
            }
        }
    }
}

fn name(rest: &[char]) -> (Word, usize) {
    let belongs = |sign: &&char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.');
    let text: String = rest.iter().take_while(belongs).collect();
    let length = text.len();
    (Word::Name(text.to_ascii_lowercase()), length)
}

fn number_or_date(rest: &[char]) -> Result<(Word, usize), String> {
    let belongs = |sign: &&char| sign.is_ascii_digit() || matches!(sign, '-' | '.');
    let text: String = rest.iter().take_while(belongs).collect();
    let length = text.len();
    if rest.get(length).is_some_and(|sign| sign.is_ascii_alphabetic() || *sign == '_') {
        return Err("is neither a number nor a date".to_owned());
    }
    if let Ok(date) = attribute::date(&text) {
        return Ok((Word::Date(date), length));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Word::Number(number), length)),
        _ => Err("is neither a number nor a date such as 2026-01-31".to_owned()),
    }
}
