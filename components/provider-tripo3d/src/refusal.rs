//! Why options or an output were not understood.

use alloc::string::String;
use core::fmt;

/// Why options or an output were not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// An option is unknown or has a value that cannot be. The sentence names it and is for the client.
    InvalidOptions(String),
    /// FAL answered, but without any model.
    NoModel,
    /// FAL's answer is not what this model's answers look like.
    UnreadableOutput(String),
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidOptions(_) => "INVALID_OPTIONS",
            Self::NoModel => "NO_MODEL",
            Self::UnreadableOutput(_) => "UNREADABLE_OUTPUT",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidOptions(what) => f.write_str(what),
            Self::NoModel => f.write_str("The model service finished without returning a model."),
            Self::UnreadableOutput(what) => write!(f, "The model service's answer could not be read: {what}."),
        }
    }
}

impl core::error::Error for Refusal {}
