//! How an attempt ends, and which end an error of FAL leads to.

use std::time::Duration;

use crate::fal::{Backoff, Class, FalError, Stage};

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
    /// The worker stops: the file goes back as it is.
    Stopping,
    /// Nothing is wrong with the file, but nothing can be done for it now.
    Parked(Parked),
    /// Somebody else holds the file: nothing more is sent.
    Dropped,
    /// The file has ended by other means, or its job is no more.
    Gone,
}

/// A file that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parked {
    pub why: Why,
    /// What becomes of it instead, when its deadline is over.
    pub failure: Failure,
}

/// What a file waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// FAL refuses the account; whether it was a submit that was refused.
    Account { by_submit: bool },
    /// FAL does not answer, or answers with errors of its own; whether to a submit, and for how long it says.
    Outage { by_submit: bool, retry_after: Option<Duration> },
    /// FAL is busy, for as long as it says.
    Busy(Option<Duration>),
    /// Others found FAL to be so, for as long as this.
    HeldBack(Duration),
    /// Redis may have forgotten a request of the file, and FAL's history can tell only later: in about this time.
    InDoubt(Duration),
    /// Redis has too few replicas for an announcement to outlive it.
    NotReplicated,
    /// No plugin here knows the model.
    UnknownModel,
}

impl Why {
    /// For how long FAL has asked to be left alone.
    pub fn asked_for(self) -> Duration {
        match self {
            Self::Busy(Some(wait)) | Self::Outage { retry_after: Some(wait), .. } => wait,
            _ => Duration::ZERO,
        }
    }

    /// For the client.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownModel => "Waiting for a worker that knows the chosen model",
            Self::InDoubt(_) => "Waiting until it is known whether the model provider has the request",
            Self::NotReplicated => "Waiting until the service keeps its records twice again",
            _ => "Waiting until the model provider is available",
        }
    }
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
    /// What FAL says the failed request cost, in its billing units.
    pub billed: Option<String>,
}

impl Failure {
    /// For good. The request, if one was sent, may still give a model.
    pub fn new(code: &str, message: &str, retryable: bool) -> Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        Self { code, message, retryable, retry_in: None, resolved: false, resubmit: false, billed: None }
    }

    /// The request is over, and a new one is sent at once.
    pub fn followed_by_another(self) -> Self {
        Self { retry_in: Some(Duration::ZERO), resolved: true, ..self }
    }
}

impl End {
    /// A failure for good. The request, if one was sent, may still give a model.
    pub fn failed(code: &str, message: &str, retryable: bool) -> Self {
        Self::Failed(Failure::new(code, message, retryable))
    }

    /// A failure for good, of a request that gave no model.
    pub fn without_model(code: &str, message: &str) -> Self {
        Self::Failed(Failure { resolved: true, ..Failure::new(code, message, true) })
    }

    /// What an error of FAL means for a file that has failed `attempts` times since it was put in line.
    pub fn of(error: &FalError, attempts: u32, retry: Backoff) -> Self {
        let again = match error.class() {
            Class::Transient => true,
            Class::FailedTransiently => attempts < error.new_requests(),
            // An unknown or ambiguous request may have been paid for: a new one is never sent on its account.
            Class::Operator
            | Class::Permanent
            | Class::Cancelled
            | Class::Ambiguous
            | Class::Unknown
            | Class::Blind => false,
        };
        let failure = Failure {
            retry_in: again.then(|| nth_delay(retry, attempts, error.retry_after())),
            resolved: error.is_outcome(),
            billed: error.refusal().and_then(|refusal| refusal.billable_units.clone()),
            ..Failure::new(error.code(), &error.client_message(), error.is_retryable())
        };
        match why(error) {
            Some(why) => Self::Parked(Parked { why, failure: Failure { retry_in: None, ..failure } }),
            None => Self::Failed(failure),
        }
    }
}

/// What an error says of FAL rather than of the file.
fn why(error: &FalError) -> Option<Why> {
    let by_submit = error.stage() == Some(Stage::Submit);
    match error.class() {
        Class::Operator => Some(Why::Account { by_submit }),
        Class::Transient if !matches!(error.stage(), Some(Stage::Upload | Stage::Submit)) => None,
        Class::Transient if error.refusal().is_some_and(|refusal| refusal.status == 429) => {
            Some(Why::Busy(error.retry_after()))
        }
        // It was we who were slow: FAL has not been asked.
        Class::Transient if matches!(error, FalError::TooLate) => Some(Why::Busy(None)),
        Class::Transient => Some(Why::Outage { by_submit, retry_after: error.retry_after() }),
        _ => None,
    }
}

/// The delay after one more failure when there were `attempts` before.
pub(super) fn nth_delay(mut backoff: Backoff, attempts: u32, retry_after: Option<Duration>) -> Duration {
    for _ in 0..attempts.min(16) {
        backoff.next_delay(None);
    }
    backoff.next_delay(retry_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(error: &FalError, attempts: u32) -> End {
        End::of(error, attempts, Backoff::new(Duration::from_secs(5), Duration::from_secs(60)))
    }

    #[test]
    fn only_what_was_surely_not_paid_for_is_tried_again() {
        let source = FalError::Source(std::io::ErrorKind::TimedOut.into());
        assert!(matches!(end(&source, 0), End::Failed(Failure { retry_in: Some(_), retryable: true, .. })));
        let doubt = FalError::NoAnswer { stage: Stage::Submit, reason: String::new() };
        assert!(matches!(end(&doubt, 0), End::Failed(Failure { retry_in: None, .. })));
        let host = FalError::ForbiddenHost { host: "evil".to_owned() };
        let End::Failed(failure) = end(&host, 0) else { panic!("not a failure") };
        assert_eq!((failure.code.as_str(), failure.retry_in), ("RESULT_UNAVAILABLE", None));
        assert!(!failure.message.contains("evil"));
    }

    #[test]
    fn a_fal_that_is_away_costs_no_attempt() {
        for (stage, by_submit) in [(Stage::Upload, false), (Stage::Submit, true)] {
            let away = FalError::Unreachable { stage, reason: String::new() };
            let End::Parked(parked) = end(&away, 0) else { panic!("not parked") };
            let outage = Why::Outage { by_submit, retry_after: None };
            assert_eq!((parked.why, parked.failure.retry_in), (outage, None));
        }
        let result = FalError::Unreachable { stage: Stage::Result, reason: String::new() };
        assert!(matches!(end(&result, 0), End::Failed(_)));
    }
}
