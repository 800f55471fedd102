//! Writing comma-separated values (RFC 4180) that no spreadsheet takes for a program.

/// What ends a line.
const END: &str = "\r\n";

/// Adds one line.
pub fn push_line<'a>(out: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(out, text),
            Cell::Plain(plain) => out.push_str(plain),
        }
    }
    end_line(out);
}

/// Ends a line.
pub fn end_line(out: &mut String) {
    out.push_str(END);
}

/// A cell.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// What people wrote.
    Text(&'a str),
    /// A number, a name or a time of ours: nothing in it needs care.
    Plain(&'a str),
}

/// Adds a text as one cell. One that a spreadsheet would take for a formula gets an apostrophe
/// before it; so does one that begins with an apostrophe, so that reading it back is exact.
pub fn push_text(out: &mut String, text: &str) {
    let guard = is_dangerous(text) || text.starts_with('\'');
    let quote = guard || text.contains(['"', ',', '\r', '\n']) || has_outer_space(text);
    if !quote {
        out.push_str(text);
        return;
    }
    out.push('"');
    if guard {
        out.push('\'');
    }
    for part in text.split_inclusive('"') {
        out.push_str(part);
        if part.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

/// Whether a spreadsheet could take a cell with this text for a formula. It skips white space
/// and looks at the first sign; full-width forms count in East Asian editions.
pub fn is_dangerous(text: &str) -> bool {
    if text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let invisible = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let first = text.trim_start_matches(invisible).chars().next();
    first.is_some_and(|c| "=+-@＝＋－＠".contains(c))
}

fn has_outer_space(text: &str) -> bool {
    text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace)
}

/// The text of a cell that [`push_text`] wrote, quotes removed by a reader.
pub fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(text: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, text);
        out
    }

    #[test]
    fn formulas_are_disarmed() {
        for text in [
            "=cmd|'/c calc'!A1",
            "+1",
            "-1+2",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "＋1",
            "－1",
            "＠A1",
            " =1",
            "\u{feff}=1",
            "\u{a0}=1",
        ] {
            assert!(cell(text).starts_with("\"'"), "{text:?} -> {}", cell(text));
        }
    }

    #[test]
    fn plain_texts_stay_plain() {
        for text in ["", "满意", "a b", "1-2", "it's", "5"] {
            assert_eq!(cell(text), text);
        }
        assert_eq!(cell("a\"b"), "\"a\"\"b\"");
        assert_eq!(cell("'a"), "\"''a\"");
    }

    #[test]
    fn a_line_ends_as_the_standard_says() {
        let mut out = String::new();
        push_line(&mut out, [Cell::Plain("1"), Cell::Text("a,b"), Cell::Text("")]);
        assert_eq!(out, "1,\"a,b\",\r\n");
    }

    /// Reads one line as RFC 4180 says.
    fn read(line: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut quoted = false;
        let mut signs = line.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(sign) = signs.next() {
            match (sign, quoted) {
                ('"', true) if signs.peek() == Some(&'"') => {
                    signs.next();
                    cells.last_mut().unwrap().push('"');
                }
                ('"', _) => quoted = !quoted,
                (',', false) => cells.push(String::new()),
                (sign, _) => cells.last_mut().unwrap().push(sign),
            }
        }
        cells
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_as_it_was(
            texts in prop::collection::vec("[=+@'\"\r\n, a\t＝-]{0,6}", 1..5),
        ) {
            let mut out = String::new();
            push_line(&mut out, texts.iter().map(|text| Cell::Text(text)));
            let read = read(&out);
            let back: Vec<&str> = read.iter().map(|cell| unguarded(cell)).collect();
            prop_assert_eq!(back, texts);
        }

        #[test]
        fn no_cell_begins_like_a_formula(text in any::<String>()) {
            let written = cell(&text);
            let quoted = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let shown = quoted.map_or(written.clone(), |inner| inner.replace("\"\"", "\""));
            prop_assert!(!is_dangerous(&shown), "{:?}", written);
        }
    }
}
