//! How an attempt ends, and which end an error of FAL leads to.

use std::time::Duration;

use crate::fal::{Backoff, Class, FalError};

/// What is known of a model when it is done: fields of the file's record.
pub(super) type Fields = Vec<(&'static str, String)>;

/// How a worker's hold on a file ends.
#[derive(Debug)]
pub(super) enum End {
    /// The model is there.
    Completed(Fields),
    /// The attempt failed.
    Failed(Failure),
    /// The caller wants the file stopped.
    CancelWanted,
    /// Nothing is wrong with the file: it goes back as it is.
    HandedBack(HandBack),
    /// Somebody else holds the file, or nobody can: nothing more is sent.
    Dropped,
}

/// Why a file goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandBack {
    /// The worker stops.
    Stopping,
    /// FAL refuses the account.
    Account,
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub code: String,
    pub message: String,
    pub retryable: bool,
    /// A new attempt, with a new request, after this.
    pub retry_in: Option<Duration>,
    /// FAL is surely done with the request, and no model of it is to be had. Else a later retry follows that request.
    pub resolved: bool,
    /// The new attempt sends a request although this one may be paid for: policy allows it once.
    pub resubmit: bool,
}

impl End {
    /// A failure for good. The request, if one was sent, may still give a model.
    pub fn failed(code: &str, message: &str, retryable: bool) -> Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        Self::Failed(Failure { code, message, retryable, retry_in: None, resolved: false, resubmit: false })
    }

    /// A failure for good, of a request that gave no model.
    pub fn without_model(code: &str, message: &str) -> Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        Self::Failed(Failure { code, message, retryable: true, retry_in: None, resolved: true, resubmit: false })
    }

    /// What an error of FAL means for a file that has failed `attempts` times since it was put in line.
    pub fn of(error: &FalError, attempts: u32, retry: Backoff) -> Self {
        let again = match error.class() {
            Class::Operator => return Self::HandedBack(HandBack::Account),
            Class::Transient => true,
            Class::FailedTransiently => attempts < error.new_requests(),
            // An unknown or ambiguous request may have been paid for: a new one is never sent on its account.
            Class::Permanent | Class::Cancelled | Class::Ambiguous | Class::Unknown => false,
        };
        Self::Failed(Failure {
            code: error.code().to_owned(),
            message: error.client_message(),
            retryable: error.is_retryable(),
            retry_in: again.then(|| nth_delay(retry, attempts, error.retry_after())),
            resolved: error.is_outcome(),
            resubmit: false,
        })
    }
}

/// The delay after one more failure when there were `attempts` before.
fn nth_delay(mut backoff: Backoff, attempts: u32, retry_after: Option<Duration>) -> Duration {
    for _ in 0..attempts.min(16) {
        backoff.next_delay(None);
    }
    backoff.next_delay(retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fal::Stage;

    fn end(error: &FalError, attempts: u32) -> End {
        End::of(error, attempts, Backoff::new(Duration::from_secs(5), Duration::from_secs(60)))
    }

    #[test]
    fn only_what_was_surely_not_paid_for_is_tried_again() {
        let gone = FalError::Unreachable { stage: Stage::Upload, reason: String::new() };
        assert!(matches!(end(&gone, 0), End::Failed(Failure { retry_in: Some(_), retryable: true, .. })));
        let doubt = FalError::NoAnswer { stage: Stage::Submit, reason: String::new() };
        assert!(matches!(end(&doubt, 0), End::Failed(Failure { retry_in: None, .. })));
        let host = FalError::ForbiddenHost { host: "evil".to_owned() };
        let End::Failed(failure) = end(&host, 0) else { panic!("not a failure") };
        assert_eq!((failure.code.as_str(), failure.retry_in), ("RESULT_UNAVAILABLE", None));
        assert!(!failure.message.contains("evil"));
    }
}
