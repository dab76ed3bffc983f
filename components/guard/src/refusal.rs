//! Why a request is refused, in the contract's words.

use crate::bindings::{Answer, Header, Problem};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No key, or no bearer key.
    NotAuthenticated,
    InvalidKey,
    InvalidAdminKey,
    /// The browser's session was sent by a page of another site.
    CrossSite,
    /// The job is somebody else's.
    AccessDenied,
    JobNotFound,
    /// An allowance is used up; seconds until it is not.
    RateLimited {
        retry_after: u64,
    },
    /// Redis does not answer, so nothing can be counted or looked up.
    StoreAway,
    /// No key outside development.
    NoKeyConfigured,
    /// A variable cannot be read.
    Misconfigured,
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::NotAuthenticated
            | Self::InvalidKey
            | Self::InvalidAdminKey
            | Self::CrossSite
            | Self::AccessDenied => 403,
            Self::JobNotFound => 404,
            Self::RateLimited { .. } => 429,
            Self::StoreAway | Self::NoKeyConfigured | Self::Misconfigured => 503,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NOT_AUTHENTICATED",
            Self::InvalidKey => "INVALID_API_KEY",
            Self::InvalidAdminKey => "INVALID_ADMIN_API_KEY",
            Self::CrossSite => "CROSS_SITE_REQUEST",
            Self::AccessDenied => "ACCESS_DENIED",
            Self::JobNotFound => "JOB_NOT_FOUND",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::StoreAway => "SERVICE_UNAVAILABLE",
            Self::NoKeyConfigured | Self::Misconfigured => "NOT_CONFIGURED",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotAuthenticated => "Not authenticated".into(),
            Self::InvalidKey => "Invalid API key".into(),
            Self::InvalidAdminKey => "Invalid admin API key".into(),
            Self::CrossSite => "A browser's session is for the pages of this service only".into(),
            Self::AccessDenied => "Access denied".into(),
            Self::JobNotFound => "Job not found".into(),
            Self::RateLimited { retry_after } => format!("Rate limit exceeded. Try again in {retry_after} s."),
            Self::StoreAway => "The job store cannot be reached at the moment. Please try again.".into(),
            Self::NoKeyConfigured => {
                "No API key is configured. Set API_KEY, or ENVIRONMENT=development to let everybody in.".into()
            }
            Self::Misconfigured => "The service is not configured completely. Its log says what is missing.".into(),
        }
    }

    fn own_header(&self) -> Option<Header> {
        match self {
            Self::NotAuthenticated | Self::InvalidKey | Self::InvalidAdminKey => {
                Some(("www-authenticate".into(), "Bearer".into()))
            }
            Self::RateLimited { retry_after } => Some(("retry-after".into(), retry_after.to_string())),
            Self::StoreAway => Some(("retry-after".into(), "2".into())),
            _ => None,
        }
    }

    /// As it is answered, with the headers that every answer has.
    pub(crate) fn into_answer(self, mut headers: Vec<Header>) -> Answer {
        headers.extend(self.own_header());
        let problem = Problem { code: self.code().to_owned(), detail: self.detail() };
        Answer { status: self.status(), headers, problem: Some(problem) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_to_go_on() {
        let answer = Refusal::RateLimited { retry_after: 7 }.into_answer(vec![]);
        assert_eq!((answer.status, answer.headers), (429, vec![("retry-after".into(), "7".into())]));
        let answer = Refusal::NotAuthenticated.into_answer(vec![("x".into(), "y".into())]);
        assert_eq!(answer.headers.last(), Some(&("www-authenticate".into(), "Bearer".into())));
        assert_eq!(answer.problem.map(|p| p.detail).as_deref(), Some("Not authenticated"));
    }
}
