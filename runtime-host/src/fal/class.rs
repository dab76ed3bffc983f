//! What an answer of FAL means for the call that got it. The same HTTP status means different things at
//! different calls: a 502 says nothing about a request that is being followed, and leaves a submit in doubt.

use super::refusal::Refusal;

/// Which call it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bringing the image to FAL's storage.
    Upload,
    /// Submitting the request.
    Submit,
    /// Asking how a request stands, or cancelling it.
    Follow,
    /// Looking requests up in the history.
    History,
    /// Reading a completed request's result: its failure is the request's.
    Result,
    /// Fetching a result's file.
    File,
}

impl Stage {
    /// One word for it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Submit => "submit",
            Self::Follow => "follow",
            Self::Result => "result",
            Self::File => "file",
            Self::History => "history",
        }
    }
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing was decided; the same call may be made again.
    Transient,
    /// The request failed in a way that a new request may not.
    FailedTransiently,
    /// Trying again changes nothing.
    Permanent,
    /// The account: bad key, no access, no balance. Nothing is wrong with the image.
    Operator,
    /// The request was cancelled.
    Cancelled,
    /// A submit may or may not have been accepted.
    Ambiguous,
    /// FAL does not know the request.
    Unknown,
    /// The history may not be read with this key, or hides what requests were given: nothing can be known from it.
    Blind,
}

pub(super) fn class_of(stage: Stage, refusal: &Refusal) -> Class {
    match (stage, refusal.status) {
        (Stage::File, 500.. | 408 | 425 | 429) => Class::Transient,
        (Stage::File, _) => Class::Permanent,
        // A page from somewhere on the way does not speak for the key.
        (Stage::History, 401..=403) if !refusal.is_foreign() => Class::Blind,
        (Stage::History, _) => Class::Transient,
        // With the request's id it is what the request got.
        (Stage::Result, 401..=403) if refusal.request_id.is_some() => Class::Permanent,
        // A page from somewhere on the way speaks for nobody: not for the account, and not of the request, which it may not
        // even have been asked about.
        (_, 401..=404) if refusal.is_foreign() => Class::Transient,
        (_, 401..=403 | 300..=399) => Class::Operator,
        (_, 425 | 429) if stage != Stage::Result => Class::Transient,
        (Stage::Submit, 408 | 409 | 500..) => Class::Ambiguous,
        (Stage::Submit, _) => Class::Permanent,
        (Stage::Upload, 408 | 409 | 500..) => Class::Transient,
        (Stage::Upload, _) => Class::Permanent,
        (Stage::Follow | Stage::Result, 404) => Class::Unknown,
        (Stage::Follow, _) => Class::Transient,
        // An answer that carries no request id was made on the way: it is not the request's outcome.
        (Stage::Result, _) if refusal.request_id.is_none() || refusal.is_still_running() => Class::Transient,
        (Stage::Result, _) => outcome(refusal),
    }
}

/// A failed request's outcome.
fn outcome(refusal: &Refusal) -> Class {
    let ours = refusal.timeout_type.as_deref() == Some("user");
    match (refusal.status, refusal.kind(), refusal.retryable) {
        (499, "client_disconnected", _) => Class::FailedTransiently,
        (499, ..) => Class::Cancelled,
        (504, ..) if ours => Class::Permanent,
        (_, "content_policy_violation", _) => Class::Permanent,
        (_, "file_download_error", _) => Class::FailedTransiently,
        (_, _, Some(true)) => Class::FailedTransiently,
        (_, _, Some(false)) => Class::Permanent,
        (_, "downstream_service_error" | "downstream_service_unavailable" | "internal_server_error", _) => {
            Class::FailedTransiently
        }
        (408 | 409 | 425 | 429 | 500.., ..) => Class::FailedTransiently,
        _ => Class::Permanent,
    }
}
