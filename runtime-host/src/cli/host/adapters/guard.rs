//! The guard component as the event streams ask it.

use async_trait::async_trait;
use image2model_host::edge::guard::{Budget, Facts, GuardClient, Level, Verdict};
use image2model_host::stream::{self, Authorizer, StreamFacts};

pub struct ComponentGuard(pub GuardClient);

#[async_trait]
impl Authorizer for ComponentGuard {
    async fn check(&self, facts: StreamFacts) -> stream::Verdict {
        let request_id = facts.request_id.clone();
        match self.0.check(translated(facts)).await {
            Ok(Verdict::Pass(pass)) => {
                let (caller, client_address) = (pass.caller, pass.client_address);
                stream::Verdict::Pass { caller, client_address, headers: pass.headers }
            }
            Ok(Verdict::Answer(answer)) => stream::Verdict::Answer {
                status: answer.status,
                headers: answer.headers,
                problem: answer.problem.map(|problem| (problem.code, problem.detail)),
            },
            Err(error) => {
                tracing::error!(%error, code = error.code(), kind = error.metric_label(), %request_id, "the guard does not answer");
                let detail = "Access cannot be checked at the moment. Please try again.".to_owned();
                let headers = vec![("retry-after".to_owned(), "2".to_owned())];
                stream::Verdict::Answer {
                    status: 503,
                    headers,
                    problem: Some(("SERVICE_UNAVAILABLE".to_owned(), detail)),
                }
            }
        }
    }
}

fn translated(facts: StreamFacts) -> Facts {
    Facts {
        method: facts.method,
        route: facts.route.to_owned(),
        path: facts.path,
        level: match facts.level {
            stream::Level::Open => Level::Open,
            stream::Level::User => Level::User,
            stream::Level::Owner => Level::Owner,
        },
        budget: match facts.budget {
            stream::Budget::Uncounted => Budget::Uncounted,
            stream::Budget::Standard => Budget::Standard,
            stream::Budget::Stream => Budget::Stream,
        },
        request_id: facts.request_id,
        traceparent: facts.traceparent,
        authorization: facts.authorization,
        cookie: facts.cookie,
        origin: facts.origin,
        fetch_site: facts.fetch_site,
        host: facts.host,
        preflight_method: facts.preflight_method,
        preflight_headers: facts.preflight_headers,
        client_address: facts.client_address,
        forwarded_for: facts.forwarded_for,
        forwarded_proto: facts.forwarded_proto,
        job_id: facts.job_id,
        access_token: facts.access_token,
    }
}
