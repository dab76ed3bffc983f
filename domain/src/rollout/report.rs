//! What a host says of a candidate.

use serde::{Deserialize, Serialize};

use crate::log::cut;

/// Of one reason, so many bytes are kept.
const LONGEST_REASON: usize = 1000;

/// How far a host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Report {
    /// It is compiled and warm.
    Ready,
    /// It does not fit.
    Refused {
        /// What does not.
        reasons: Vec<Reason>,
    },
    /// It could not be had, or prepared.
    Failed {
        /// Why.
        reasons: Vec<Reason>,
    },
}

/// One reason, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable name.
    pub code: String,
    /// A sentence.
    pub message: String,
}

impl Reason {
    /// A reason, cut to what is kept.
    #[must_use]
    pub fn new(code: &str, message: impl AsRef<str>) -> Self {
        Self { code: code.to_owned(), message: cut(message.as_ref(), LONGEST_REASON).to_owned() }
    }
}
