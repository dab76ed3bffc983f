//! What the person at the terminal, or a pipe, is told.

use std::fmt::Display;
use std::io::Write as _;

/// Prints to standard output. Whoever has read enough may close it (`image2model jobs list | head`): then nobody misses the rest.
pub fn print(text: impl Display) {
    let _closed = write!(std::io::stdout().lock(), "{text}");
}
