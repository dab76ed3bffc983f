//! One request's way through the guard: preflight, key, allowances with the job's owner in one round trip, policy. An issued
//! key, or a browser's session, costs one look-up more.

use image2model_domain::commands::{Admit, Admitted, FindKey};
use image2model_domain::{JobId, trace};
use image2model_kit::redis::RedisError;
use image2model_kit::{clock, log, redis, scope};
use serde_json::json;

use crate::auth::{Caller, Credential};
use crate::bindings::{Answer, Budget, Facts, Header, Level, Pass, Verdict};
use crate::limits::{self, Named};
use crate::ownership::{self, Asked};
use crate::refusal::Refusal;
use crate::settings::{Settings, settings};
use crate::{headers, session};

/// Answers the question.
pub(crate) async fn check(facts: Facts) -> Verdict {
    let (request_id, trace_id) = (facts.request_id.clone(), trace::trace_id(&facts.traceparent).to_owned());
    let traceparent = facts.traceparent.clone();
    scope::within(scope::Names { request_id, trace_id, traceparent }, decide(facts)).await
}

async fn decide(facts: Facts) -> Verdict {
    let settings = match settings().await {
        Ok(settings) => settings,
        Err(error) => {
            log::error("the guard is not configured", &json!({ "error": error.to_string() }));
            return Verdict::Answer(Refusal::Misconfigured.into_answer(headers::security(false)));
        }
    };
    let mut headers = headers::security(is_secure(&settings, &facts));
    let (origin, wanted) = (facts.origin.as_deref(), facts.preflight_method.as_deref());
    if let Some(preflight) = settings.origins.preflight(&facts.method, origin, wanted) {
        headers.extend(headers::owned(preflight));
        return Verdict::Answer(Answer { status: 204, headers, problem: None });
    }
    headers.extend(headers::owned(settings.origins.headers(origin)));
    let client_address = settings.proxies.client(&facts.client_address, facts.forwarded_for.as_deref());
    match admit(&settings, &facts, &client_address, &mut headers).await {
        Ok(caller) => Verdict::Pass(Pass {
            caller: caller.tenant(),
            client_address,
            key_hash: caller.key_hash,
            role: caller.role,
            headers,
        }),
        Err(refusal) => Verdict::Answer(refusal.into_answer(headers)),
    }
}

async fn admit(
    settings: &Settings,
    facts: &Facts,
    address: &str,
    headers: &mut Vec<Header>,
) -> Result<Caller, Refusal> {
    if facts.level != Level::Open && !settings.has_keys() && !settings.development {
        return Err(Refusal::NoKeyConfigured);
    }
    let caller = match identify(settings, facts).await?.caller(facts.level) {
        Ok(caller) => caller,
        Err(refusal) => return Err(count_refused(settings, facts.budget, address, refusal, headers).await),
    };
    let subject = if caller.key_hash.is_some() { caller.tenant() } else { format!("address:{address}") };
    let allowances = limits::allowances(settings.limits.with(caller.limits), facts.budget, &subject);
    let job = facts.job_id.as_deref().and_then(|job| JobId::parse(job).ok());
    let owned = facts.level == Level::Owner;
    let found = count(&allowances, job.as_ref().filter(|_| owned), headers).await?;
    if owned {
        let only_looks = matches!(facts.method.as_str(), "GET" | "HEAD");
        // An empty one is what a page sends that has none.
        let token = facts.access_token.as_deref().filter(|token| !token.is_empty());
        let asked = Asked { job: job.as_ref(), token, only_looks };
        ownership::may(settings, &caller, asked, &found, clock::now_seconds())?;
    }
    Ok(caller)
}

/// What the caller shows. An issued key, or a browser's session with its key, is looked up each time, so that revoking it
/// works at once on every host; not for what is open and not counted, where it makes no difference.
async fn identify(settings: &Settings, facts: &Facts) -> Result<Credential, Refusal> {
    let shown = Credential::of(settings, facts.authorization.as_deref());
    if facts.level == Level::Open && facts.budget == Budget::Uncounted {
        return Ok(shown);
    }
    let known = match shown {
        Credential::Issued(hash) => redis::run(&FindKey(&hash)).await.map(|found| Credential::looked_up(hash, found)),
        Credential::Missing => session::credential(settings, facts, is_secure(settings, facts)).await,
        other => Ok(other),
    };
    known.map_err(|error| store_away(&error))
}

/// Counts, and looks the job up, in one round trip; in none when there is nothing to count or look up.
async fn count(allowances: &[Named], job: Option<&JobId>, headers: &mut Vec<Header>) -> Result<Admitted, Refusal> {
    if allowances.is_empty() && job.is_none() {
        return Ok(Admitted { admitted: true, owner: String::new(), job_known: false, links: 0, uses: vec![] });
    }
    let plain: Vec<_> = allowances.iter().map(|named| named.allowance.clone()).collect();
    let found = redis::run(&Admit { allowances: &plain, job }).await.map_err(|error| store_away(&error))?;
    headers.extend(limits::headers(allowances, &found, clock::now_ms()));
    if found.admitted {
        Ok(found)
    } else {
        Err(Refusal::RateLimited { retry_after: limits::retry_after(allowances, &found) })
    }
}

/// A caller who is refused is counted by address: wrong keys on their own, tightly; the others like any request.
async fn count_refused(
    settings: &Settings,
    budget: Budget,
    address: &str,
    refusal: Refusal,
    headers: &mut Vec<Header>,
) -> Refusal {
    let allowances = match refusal {
        Refusal::InvalidKey | Refusal::InvalidAdminKey => limits::wrong_keys(settings.limits, address),
        _ => limits::allowances(settings.limits, budget, &format!("address:{address}")),
    };
    count(&allowances, None, headers).await.err().unwrap_or(refusal)
}

/// Whether the request came over TLS, as far as those say who are believed.
fn is_secure(settings: &Settings, facts: &Facts) -> bool {
    settings.proxies.is_tls(&facts.client_address, facts.forwarded_proto.as_deref())
}

fn store_away(error: &RedisError) -> Refusal {
    log::warn("redis does not answer the guard", &json!({ "error": error.to_string() }));
    Refusal::StoreAway
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request that asks for nothing.
    pub(crate) fn facts() -> Facts {
        Facts {
            method: "GET".into(),
            route: "/api/v1/status/:job_id".into(),
            path: "/api/v1/status/x".into(),
            level: Level::Open,
            budget: Budget::Uncounted,
            request_id: "r".into(),
            traceparent: String::new(),
            authorization: None,
            cookie: None,
            origin: None,
            fetch_site: None,
            host: None,
            preflight_method: None,
            preflight_headers: None,
            client_address: "127.0.0.1:5".into(),
            forwarded_for: None,
            forwarded_proto: None,
            job_id: None,
            access_token: None,
        }
    }
}
