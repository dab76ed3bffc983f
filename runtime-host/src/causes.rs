//! An error in one line, with what caused it: many libraries say what went wrong in the last of their causes alone.

use std::error::Error;

/// The error, its cause, the cause of that, and so on, with colons between.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
