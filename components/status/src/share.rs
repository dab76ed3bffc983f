//! `/jobs/{job_id}/share`: a link with which somebody without a key may look at one job for a while, and withdrawing all such
//! links. What a link opens is the guard's word (`components/guard/src/ownership.rs`); here its token is made. Where the job's id
//! alone opens it, both answers say so: no link that is taken back keeps anybody out who knows the address.

use image2model_domain::commands::{CountLinks, WithdrawLinks};
use image2model_domain::time::rfc3339;
use image2model_domain::{JobId, Problem, share_token};
use image2model_kit::{Context, Failure, Reply, clock, config, redis, reply, whole};
use serde::Deserialize;
use serde_json::{Value, json};

/// A body names one duration; no more is read.
const LONGEST_BODY: usize = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    expires_in_seconds: Option<Value>,
}

/// `POST …/share`: a fresh token. Nothing is kept of it, so that there may be any number.
pub(crate) async fn open(mut context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    let seconds = seconds(&context.json::<Wanted>(LONGEST_BODY).await?)?;
    let links = redis::run(&CountLinks(&id)).await?.ok_or_else(Problem::job_not_found)?;
    let open = opens_without_token().await?;
    let Some(secret) = config::signing_secret().await? else {
        // There is nothing to sign with, nor any key: the address is all that it takes.
        return reply::json(200, &shown(&id, None, true));
    };
    let expires_at = clock::now_seconds().saturating_add(seconds);
    let token = share_token::issue(&secret, &id, expires_at, links);
    reply::json(201, &shown(&id, Some((&token, expires_at)), open))
}

/// `DELETE …/share`: no link that was made until now opens anything any more, on any host.
pub(crate) async fn withdraw(context: Context) -> Result<Reply, Failure> {
    let id = context.job()?;
    redis::run(&WithdrawLinks(&id)).await?.ok_or_else(Problem::job_not_found)?;
    reply::json(200, &withdrawn(&id, opens_without_token().await?))
}

/// Whether whoever has no key needs the job's id only, which every link holds.
async fn opens_without_token() -> Result<bool, Failure> {
    Ok(&*config::text("job_access").await? == "open" || config::lets_everybody_in().await?)
}

fn withdrawn(job: &JobId, open: bool) -> Value {
    let message = if open {
        "No link that was shared until now opens the job any more; the job's address alone, without a token, still does"
    } else {
        "No link that was shared until now opens the job any more"
    };
    json!({ "job_id": job, "opens_without_token": open, "message": message })
}

fn seconds(wanted: &Wanted) -> Result<u64, Problem> {
    let seconds = wanted.expires_in_seconds.as_ref().map_or(Some(share_token::DEFAULT.as_secs()), whole);
    if let Some(seconds) = seconds.filter(|seconds| share_token::SECONDS.contains(seconds)) {
        return Ok(seconds);
    }
    let (least, most) = (share_token::SECONDS.start(), share_token::SECONDS.end());
    let detail = format!("expires_in_seconds must be a number from {least} to {most}");
    Err(Problem::invalid("expires_in_seconds", detail))
}

/// `open`: the job's address opens it for whoever has no key, with or without the token.
fn shown(job: &JobId, token: Option<(&str, u64)>, open: bool) -> Value {
    let page = format!("/processing?job={job}");
    json!({
        "job_id": job,
        "access_token": token.map(|(token, _)| token),
        "expires_at": token.map(|(_, at)| rfc3339(i64::try_from(at).unwrap_or(i64::MAX / 1000).saturating_mul(1000))),
        "opens_without_token": open,
        "page": token.map_or_else(|| page.clone(), |(token, _)| format!("{page}&access_token={token}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lasts_a_minute_to_a_week() {
        let of = |body: Value| seconds(&serde_json::from_value(body).unwrap()).map_err(|problem| problem.status());
        assert_eq!(of(json!({})), Ok(86_400));
        assert_eq!(of(json!({ "expires_in_seconds": 60 })), Ok(60));
        assert_eq!(of(json!({ "expires_in_seconds": 604_800 })), Ok(604_800));
        assert_eq!(of(json!({ "expires_in_seconds": 60.0 })), Ok(60));
        for bad in [json!(0), json!(59), json!(604_801), json!(60.5), json!("60")] {
            assert_eq!(of(json!({ "expires_in_seconds": bad })), Err(422), "{bad}");
        }
    }

    #[test]
    fn the_page_carries_the_token_where_there_is_one() {
        let job = JobId::from_random([1; 16]);
        let with = shown(&job, Some(("t.o.k", 0)), false);
        assert_eq!(with["page"], format!("/processing?job={job}&access_token=t.o.k"));
        assert_eq!(
            (&with["expires_at"], &with["opens_without_token"]),
            (&json!("1970-01-01T00:00:00.000Z"), &json!(false))
        );
        let without = shown(&job, None, true);
        assert_eq!(without["page"], format!("/processing?job={job}"));
        assert_eq!((&without["access_token"], &without["expires_at"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn withdrawing_promises_no_more_than_it_does() {
        let job = JobId::from_random([1; 16]);
        let says = |open| {
            let body = withdrawn(&job, open);
            (body["opens_without_token"].clone(), body["message"].as_str().unwrap().contains("address alone"))
        };
        assert_eq!((says(true), says(false)), ((json!(true), true), (json!(false), false)));
    }
}
