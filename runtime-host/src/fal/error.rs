//! What can go wrong with a call to FAL, and what its client is told; what it means is in `class.rs`.

use std::time::Duration;

use super::class::{Class, Stage, class_of};
use super::refusal::{Detail, Refusal};

/// A failed call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FalError {
    /// No connection: nothing was sent.
    #[error("FAL.AI cannot be reached: {reason}")]
    Unreachable {
        /// Which call.
        stage: Stage,
        /// For the log.
        reason: String,
    },
    /// The time for which a submit was announced ran out before its body left: nothing was sent.
    #[error("the submit was held up for too long and not sent")]
    TooLate,
    /// It was sent, and no whole answer came.
    #[error("no answer from FAL.AI: {reason}")]
    NoAnswer {
        /// Which call.
        stage: Stage,
        /// For the log.
        reason: String,
    },
    /// The answer is not what the contract promises.
    #[error("unreadable answer from FAL.AI: {what}")]
    Unreadable {
        /// Which call.
        stage: Stage,
        /// For the log.
        what: String,
    },
    /// The history lists requests without what they were given: whether one of ours is among them cannot be told.
    #[error("FAL.AI's request history does not show what requests were given")]
    Hidden,
    /// FAL answered with something else than success.
    #[error("FAL.AI answered {} {} at {stage:?}", .refusal.status, .refusal.kind())]
    Refused {
        /// Which call.
        stage: Stage,
        /// The answer.
        refusal: Box<Refusal>,
    },
    /// A URL that leads somewhere files are not exchanged with.
    #[error("refused to use host {host:?} for files")]
    ForbiddenHost {
        /// The host.
        host: String,
    },
    /// A file above the limit.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The image could not be read from where we keep it.
    #[error("the image cannot be read: {0}")]
    Source(#[source] std::io::Error),
    /// The client cannot be made.
    #[error("invalid FAL.AI settings: {0}")]
    Config(String),
}

impl FalError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::NoAnswer { stage: Stage::Submit, .. } | Self::Unreadable { stage: Stage::Submit, .. } => {
                Class::Ambiguous
            }
            // An image that is not there will not come back.
            Self::Source(error) if error.kind() == std::io::ErrorKind::NotFound => Class::Permanent,
            Self::TooLate
            | Self::Unreachable { .. }
            | Self::NoAnswer { .. }
            | Self::Unreadable { .. }
            | Self::Source(_) => Class::Transient,
            Self::Hidden => Class::Blind,
            Self::Refused { stage, refusal } => class_of(*stage, refusal),
            Self::ForbiddenHost { .. } | Self::TooLarge { .. } | Self::Config(_) => Class::Permanent,
        }
    }

    /// How many new requests are sensible after this one has failed (only for [`Class::FailedTransiently`]).
    #[must_use]
    pub fn new_requests(&self) -> u32 {
        match self.refusal().map(Refusal::kind) {
            Some(
                "file_download_error"
                | "downstream_service_error"
                | "generation_timeout"
                | "request_timeout"
                | "no_media_generated",
            ) => 1,
            _ => 2,
        }
    }

    /// Stable code for the client.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match (self, self.class()) {
            (_, Class::Operator) => "PROVIDER_ACCOUNT",
            (_, Class::Ambiguous) => "SUBMIT_UNCERTAIN",
            (_, Class::Unknown) => "PROVIDER_REQUEST_LOST",
            (_, Class::Cancelled) => "PROVIDER_CANCELLED",
            (_, Class::Blind) => "HISTORY_BLIND",
            (Self::Refused { stage: Stage::File, .. } | Self::ForbiddenHost { .. } | Self::TooLarge { .. }, _) => {
                "RESULT_UNAVAILABLE"
            }
            (Self::Source(_), _) => "IMAGE_UNAVAILABLE",
            (Self::Refused { refusal, .. }, _) => code_of(refusal),
            _ => "PROVIDER_UNAVAILABLE",
        }
    }

    /// A sentence for the client.
    #[must_use]
    pub fn client_message(&self) -> String {
        match self {
            Self::Refused { stage: Stage::File, .. } | Self::ForbiddenHost { .. } => {
                "The model could not be fetched from the model provider".to_owned()
            }
            Self::Refused { refusal, .. } if self.class() == Class::Unknown => {
                tracing::debug!(status = refusal.status, "the provider does not know the request");
                "The model provider no longer knows the request".to_owned()
            }
            Self::Refused { .. } if self.class() == Class::Ambiguous => {
                "It is not known whether the model provider accepted the request".to_owned()
            }
            // The request got this answer, not the account.
            Self::Refused { stage: Stage::Result, refusal } if matches!(refusal.status, 401..=403) => {
                "The model provider refused the request".to_owned()
            }
            Self::Refused { refusal, .. } => refusal.words(),
            Self::TooLarge { .. } => "The model is too large to be stored".to_owned(),
            Self::Source(_) => "The image could not be read".to_owned(),
            _ => "The model provider cannot be reached".to_owned(),
        }
    }

    /// Whether the client may hope for more from trying again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let timed_out = self.code() == "PROVIDER_TIMEOUT" || self.code() == "NO_MODEL";
        self.class() != Class::Permanent || timed_out
    }

    /// How long FAL asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// Whether FAL is surely done with the request, and there is no model of it to be had: nothing is lost by sending
    /// another. False in every doubt; that FAL does not know a request leaves one.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        match (self, self.class()) {
            // Whether the request was refused or the account, so that its model may be had once the account is in order, is not
            // told apart for certain.
            (Self::Refused { stage: Stage::Result, refusal }, _) if matches!(refusal.status, 401..=403) => false,
            (Self::Refused { stage: Stage::Result, .. }, class) => {
                matches!(class, Class::Permanent | Class::FailedTransiently | Class::Cancelled)
            }
            (Self::Refused { stage: Stage::File, refusal }, _) => matches!(refusal.status, 404 | 410),
            _ => false,
        }
    }

    /// Which call it was, when it was one of FAL's.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::Unreachable { stage, .. }
            | Self::NoAnswer { stage, .. }
            | Self::Unreadable { stage, .. }
            | Self::Refused { stage, .. } => Some(*stage),
            Self::TooLate => Some(Stage::Submit),
            Self::Hidden => Some(Stage::History),
            Self::ForbiddenHost { .. } | Self::TooLarge { .. } | Self::Source(_) | Self::Config(_) => None,
        }
    }

    /// The request that FAL's answer was about.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.refusal().and_then(|refusal| refusal.request_id.as_deref())
    }

    /// FAL's answer, when there was one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// For counters.
    #[must_use]
    pub fn metric_label(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TooLate => "too_late",
            Self::NoAnswer { .. } => "no_answer",
            Self::Unreadable { .. } => "unreadable",
            Self::Hidden => "hidden",
            Self::Refused { .. } => "refused",
            Self::ForbiddenHost { .. } => "forbidden_host",
            Self::TooLarge { .. } => "too_large",
            Self::Source(_) => "source",
            Self::Config(_) => "config",
        }
    }
}

fn code_of(refusal: &Refusal) -> &'static str {
    match (refusal.kind(), refusal.status) {
        ("content_policy_violation", _) => "CONTENT_POLICY_VIOLATION",
        ("no_media_generated", _) => "NO_MODEL",
        ("file_too_large" | "face_detection_error" | "unsupported_image_format", _) => "IMAGE_NOT_ACCEPTED",
        (kind, _) if kind.starts_with("image_") => "IMAGE_NOT_ACCEPTED",
        ("startup_timeout" | "generation_timeout" | "request_timeout", _) | (_, 504) => "PROVIDER_TIMEOUT",
        ("file_download_error" | "downstream_service_error" | "downstream_service_unavailable", _) => {
            "PROVIDER_UNAVAILABLE"
        }
        (_, 422) if matches!(refusal.detail, Detail::Model(_)) => "INVALID_OPTIONS",
        (_, 429 | 500..) => "PROVIDER_UNAVAILABLE",
        _ => "PROVIDER_REFUSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    fn refused(stage: Stage, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> FalError {
        let map: HeaderMap =
            headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        let refusal = Refusal::read(StatusCode::from_u16(status).unwrap(), &map, body.as_bytes());
        FalError::Refused { stage, refusal: Box::new(refusal) }
    }

    const ID: (&str, &str) = ("x-fal-request-id", "r1");
    const NGINX: &str = "<html><h1>502 Bad Gateway</h1><hr>nginx</html>";

    #[test]
    fn a_submit_is_ambiguous_unless_it_was_surely_refused() {
        let class = |status, body| refused(Stage::Submit, status, &[], body).class();
        assert_eq!(class(502, NGINX), Class::Ambiguous);
        assert_eq!(class(500, r#"{"detail":"Internal Server Error"}"#), Class::Ambiguous);
        assert_eq!(class(429, "{}"), Class::Transient);
        assert_eq!(class(422, "{}"), Class::Permanent);
        assert_eq!(class(401, "{}"), Class::Operator);
        assert_eq!(FalError::NoAnswer { stage: Stage::Submit, reason: String::new() }.class(), Class::Ambiguous);
        assert_eq!(FalError::Unreachable { stage: Stage::Submit, reason: String::new() }.class(), Class::Transient);
        assert_eq!(FalError::NoAnswer { stage: Stage::Follow, reason: String::new() }.class(), Class::Transient);
    }

    #[test]
    fn trouble_on_the_way_is_not_the_requests_outcome() {
        assert_eq!(refused(Stage::Result, 502, &[], NGINX).class(), Class::Transient);
        assert_eq!(refused(Stage::Result, 503, &[ID], r#"{"detail":"x"}"#).class(), Class::FailedTransiently);
        let early = refused(Stage::Result, 400, &[ID], r#"{"detail":"Request is still in progress"}"#);
        assert_eq!(early.class(), Class::Transient);
        assert_eq!(refused(Stage::Follow, 404, &[], "{}").class(), Class::Unknown);
        assert!(refused(Stage::Result, 503, &[ID], r#"{"detail":"x"}"#).is_outcome());
        assert!(!refused(Stage::Result, 502, &[], NGINX).is_outcome() && !early.is_outcome());
        assert_eq!(refused(Stage::Follow, 500, &[ID], "{}").class(), Class::Transient);
    }

    #[test]
    fn a_page_on_the_way_does_not_know_what_fal_knows() {
        let page = "<html><h1>404 Not Found</h1><hr>nginx</html>";
        for stage in [Stage::Follow, Stage::Result] {
            assert_eq!(refused(stage, 404, &[], page).class(), Class::Transient);
            assert_eq!(refused(stage, 404, &[ID], page).class(), Class::Unknown);
            let unknown = refused(stage, 404, &[], r#"{"detail":"Request not found"}"#);
            assert_eq!((unknown.class(), unknown.is_outcome()), (Class::Unknown, false));
        }
        for stage in [Stage::Submit, Stage::Upload] {
            assert_eq!(refused(stage, 404, &[], page).class(), Class::Transient);
            let unknown = refused(stage, 404, &[], r#"{"detail":"Application not found"}"#);
            assert_eq!(unknown.class(), Class::Permanent);
        }
    }

    #[test]
    fn a_page_on_the_way_does_not_speak_for_the_account() {
        for stage in [Stage::Upload, Stage::Submit, Stage::Follow, Stage::Result] {
            for status in [401, 403] {
                assert_eq!(refused(stage, status, &[], NGINX).class(), Class::Transient, "{stage:?} {status}");
            }
            assert_eq!(refused(stage, 403, &[], r#"{"detail":"Exhausted balance"}"#).class(), Class::Operator);
        }
    }

    #[test]
    fn a_refusal_is_the_requests_own_or_the_accounts_or_the_historys() {
        for status in [401, 402, 403] {
            let own = refused(Stage::Result, status, &[ID], r#"{"detail":"No access to the asset"}"#);
            // A retry asks for its result again before anything else is paid for.
            assert_eq!((own.class(), own.is_outcome(), own.code()), (Class::Permanent, false, "PROVIDER_REFUSED"));
            assert_eq!(refused(Stage::Result, status, &[], "{}").class(), Class::Operator);
            assert_eq!(refused(Stage::History, status, &[], "{}").class(), Class::Blind);
            assert_eq!(refused(Stage::History, status, &[], NGINX).class(), Class::Transient);
        }
        assert_eq!(refused(Stage::History, 404, &[], "{}").class(), Class::Transient);
    }

    #[test]
    fn model_errors_have_codes_and_words_of_their_own() {
        let error = |kind: &str, extra: &str| {
            let body = format!(
                r#"{{"detail":[{{"loc":["body","face_limit"],"msg":"Input should be greater than 0","type":"{kind}"{extra}}}]}}"#
            );
            refused(Stage::Result, 422, &[ID], &body)
        };
        let policy = error("content_policy_violation", "");
        assert_eq!(
            (policy.code(), policy.class(), policy.is_retryable()),
            ("CONTENT_POLICY_VIOLATION", Class::Permanent, false)
        );
        let small = error("image_too_small", r#","ctx":{"min_width":128,"min_height":64}"#);
        assert_eq!(small.code(), "IMAGE_NOT_ACCEPTED");
        assert!(small.client_message().contains("at least 128×64"), "{}", small.client_message());
        let option = error("greater_than", "");
        assert_eq!(option.code(), "INVALID_OPTIONS");
        assert_eq!(option.client_message(), "face_limit: Input should be greater than 0");
        let fetch = error("file_download_error", "");
        assert_eq!((fetch.class(), fetch.new_requests()), (Class::FailedTransiently, 1));
    }

    #[test]
    fn our_own_deadline_is_not_retried_and_the_account_is_nobodys_image() {
        let late = refused(
            Stage::Result,
            504,
            &[ID, ("x-fal-request-timeout-type", "user")],
            r#"{"detail":"Request timed out","error_type":"startup_timeout"}"#,
        );
        assert_eq!((late.class(), late.code(), late.is_retryable()), (Class::Permanent, "PROVIDER_TIMEOUT", true));
        let locked = refused(Stage::Upload, 403, &[], r#"{"detail":"User is locked. Reason: Exhausted balance."}"#);
        assert_eq!((locked.class(), locked.code()), (Class::Operator, "PROVIDER_ACCOUNT"));
        assert!(!locked.client_message().contains("balance"));
        let busy = refused(Stage::Submit, 429, &[("retry-after", "3")], "{}");
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(3)));
    }
}
