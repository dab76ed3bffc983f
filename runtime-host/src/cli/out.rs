//! What the person at the terminal, or a pipe, is told.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use super::{FAILED, complain};

/// Prints to standard output. Whoever has read enough may close it (`image2model jobs list | head`): nobody misses the rest.
///
/// # Errors
/// When it cannot be written, as on a full disk.
pub fn print(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// The end of a task whose answer this is.
pub fn ended(printed: io::Result<()>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.into(), FAILED),
    }
}
