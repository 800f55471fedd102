//! Tells on standard error how far the run is.

use std::{fmt::Arguments, sync::OnceLock, time::Instant};

static BEGAN: OnceLock<Instant> = OnceLock::new();

/// One line with the time since the first one.
pub fn say(text: Arguments<'_>) {
    let seconds = BEGAN.get_or_init(Instant::now).elapsed().as_secs();
    eprintln!("[{:3}:{:02}] {text}", seconds / 60, seconds % 60);
}
