//! What programs say on standard output. A reader that went away is no error.

use std::{fmt::Display, io::Write as _};

/// Writes a line.
pub fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Writes a line for people, beside the output proper.
pub fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
