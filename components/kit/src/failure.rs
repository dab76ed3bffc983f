//! Why a handler has no answer of its own: a refusal the client may read, or a fault that only the log may know.

use image2model_domain::Problem;
use image2model_domain::script::UnexpectedReply;
use serde_json::json;

use crate::config::ConfigError;
use crate::redis::RedisError;

/// What a handler ends with when it does not answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// To be told to the client as it is.
    Problem(Problem),
    /// To be logged; the client gets a 500 that says nothing of it.
    Fault(anyhow::Error),
}

impl Failure {
    /// What the client is told. Logs what it is not told.
    #[must_use]
    pub fn into_problem(self, request_id: &str, route: &str) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::Fault(error) => {
                let fields = json!({ "request_id": request_id, "route": route, "error": format!("{error:#}") });
                crate::log::error("request failed", &fields);
                Problem::internal()
            }
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        match error {
            RedisError::Away(why) => {
                crate::log::warn("redis is away", &json!({ "error": why }));
                Self::Problem(Problem::unavailable("The job store cannot be reached at the moment. Please try again."))
            }
            other => Self::Fault(other.into()),
        }
    }
}

macro_rules! fault_from {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure { fn from(error: $error) -> Self { Self::Fault(error.into()) } })+
    };
}

fault_from!(anyhow::Error, ConfigError, UnexpectedReply, http::Error, serde_json::Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_away_is_a_503_with_retry_after_and_a_fault_tells_nothing() {
        let problem = Failure::from(RedisError::Away("127.0.0.1 refused".into())).into_problem("r", "/");
        assert_eq!(problem.status(), 503);
        assert!(problem.headers().iter().any(|(name, _)| *name == "retry-after"));
        assert!(!problem.detail().contains("127.0.0.1"));
        let problem = Failure::from(anyhow::anyhow!("secret place")).into_problem("r", "/");
        assert_eq!((problem.status(), problem.code()), (500, "INTERNAL_ERROR"));
        assert!(!problem.body("/", "r").to_string().contains("secret"));
    }
}
