//! One request: finds the job of its task, asks the guard, takes a place, subscribes, looks at the job, and answers with a
//! stream or a refusal.
//!
//! A task that no job has gets a stream as well, as it gets a status: to Celery, whose words these are, a task that it has not
//! heard of is one that waits. Such a stream is bounded like any other and reads nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use image2model_domain::accept;
use image2model_domain::problem::Problem;
use image2model_domain::record::JobRecord;
use serde_json::json;

use super::admission::Caller;
use super::answer::{EVENT_STREAM, Names, Reply, empty};
use super::authorize::{Budget, Level, StreamFacts, Verdict};
use super::entry::StreamName;
use super::listener::{Listener, Opening};
use super::routes::Target;
use super::start::{Start, frames_of_no_job, start};
use super::timers::{Timers, Wish};
use super::{Answer, Response, Shared};
use crate::redis::RedisError;
use crate::redis::sign_of_life::now_ms;

/// The methods of both routes.
const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Answers a request.
pub async fn handle(shared: &Arc<Shared>, head: &Parts, client: SocketAddr) -> Answer {
    let names = Names::of(&head.headers);
    let reply = |added| Reply { path: head.uri.path(), names: &names, added };
    let Some(mut target) = Target::of(&head.uri) else { return reply(&[]).problem(&Problem::no_route()).into() };
    let found = find_job(shared, head, &mut target).await.map_err(|error| unreadable(&error, &names));
    let mut facts = StreamFacts::of(head, &target, &names, client);
    if found.is_err() {
        // Only for the headers: the guard would wait for Redis as long again.
        (facts.level, facts.budget) = (Level::Open, Budget::Uncounted);
    }
    let (caller, found, headers) = match shared.authorizer.check(facts.clone()).await {
        Verdict::Pass { caller, client_address, headers } => {
            (caller_of(&caller, &client_address, client), found.map(|()| Found::Perhaps), headers)
        }
        Verdict::Answer { status: 404, headers, .. } if found.is_ok() && target.may_be_of_no_job() => {
            match who_asks(shared, facts, client).await {
                Ok(caller) => (caller, Ok(Found::No), headers),
                Err(problem) => return reply(&headers).problem(&problem).into(),
            }
        }
        Verdict::Answer { status, headers, problem } => return refuse(&reply(&headers), status, problem).into(),
    };
    let request = Request { shared, head, target: &target, names: &names, caller };
    request.answer(found, &reply(&headers)).await
}

/// Whether there is a job to listen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The guard let the caller pass.
    Perhaps,
    /// The guard knows none.
    No,
}

fn caller_of(caller: &str, address: &str, client: SocketAddr) -> Caller {
    Caller::of(caller, address.parse().unwrap_or(client.ip()))
}

/// Whose stream it is when there is no job, whose guard would have said so. The request was counted already.
async fn who_asks(shared: &Shared, facts: StreamFacts, client: SocketAddr) -> Result<Caller, Problem> {
    let shows_something = facts.authorization.is_some() || facts.cookie.is_some();
    let levels: &[Level] = if shows_something { &[Level::User, Level::Open] } else { &[Level::Open] };
    for level in levels {
        let asked = StreamFacts { level: *level, budget: Budget::Uncounted, job_id: None, ..facts.clone() };
        if let Verdict::Pass { caller, client_address, .. } = shared.authorizer.check(asked).await {
            return Ok(caller_of(&caller, &client_address, client));
        }
    }
    Err(Problem::unavailable("Access cannot be checked at the moment. Please try again."))
}

/// Puts the job in the place of a task that is one file's: whoever listens to it listens to the job that it is a part of.
async fn find_job(shared: &Shared, head: &Parts, target: &mut Target) -> Result<(), RedisError> {
    let asks = matches!(head.method, Method::GET | Method::HEAD);
    let Some(file) = target.file().filter(|_| asks) else { return Ok(()) };
    if let Some(job) = shared.log.job_of(&file).await? {
        target.job = Some(job);
    }
    Ok(())
}

fn refuse(reply: &Reply<'_>, status: u16, problem: Option<(String, String)>) -> Response {
    match problem {
        Some((code, detail)) => reply.problem(&Problem::new(status, code, detail)),
        None => reply.empty(StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT)),
    }
}

struct Request<'a> {
    shared: &'a Arc<Shared>,
    head: &'a Parts,
    target: &'a Target,
    names: &'a Names,
    caller: Caller,
}

impl Request<'_> {
    async fn answer(self, found: Result<Found, Problem>, reply: &Reply<'_>) -> Answer {
        let answered: Result<Answer, Problem> = match (found, &self.head.method) {
            (Err(problem), _) => Err(problem),
            (_, &Method::GET | &Method::HEAD) if !self.takes_events() => Err(not_acceptable()),
            (Ok(found), &Method::GET) => self.open(found, reply).await,
            (Ok(found), &Method::HEAD) => {
                self.look(found).await.map(|(job, _)| self.head_only(reply, job.as_ref()).into())
            }
            (_, &Method::OPTIONS) => Ok(with_allow(reply.empty(StatusCode::NO_CONTENT)).into()),
            _ => Err(Problem::plain(405, "Method Not Allowed").with_header("allow", "GET, HEAD, OPTIONS")),
        };
        answered.unwrap_or_else(|problem| {
            let mut response = reply.problem(&problem);
            if self.head.method == Method::HEAD {
                *response.body_mut() = empty();
            }
            response.into()
        })
    }

    fn takes_events(&self) -> bool {
        let named: Vec<&str> = self.head.headers.get_all("accept").iter().filter_map(|v| v.to_str().ok()).collect();
        accept::weight(Some(&named.join(",")), EVENT_STREAM) > 0
    }

    async fn open(&self, found: Found, reply: &Reply<'_>) -> Result<Answer, Problem> {
        let (shared, job) = (self.shared, self.target.job()?);
        if shared.drain.has_begun() {
            return Err(Problem::unavailable("This server is going away. Connect again."));
        }
        let slot = shared.admission.enter(&shared.limits, self.caller.clone(), job);
        let slot = slot.inspect_err(|_| shared.counters.refused.add(1))?;
        // Before the job is looked at, so that nothing falls between the two.
        let subscription = shared.hub.subscribe(job);
        let (record, timeout) = self.look(found).await?;
        let wish = Wish { timeout, comes_again: self.was_opened_by_what_may_end() };
        let heartbeat = shared.limits.heartbeat_of(record.is_some());
        let timers = Timers::start(&shared.limits, wish, heartbeat, &shared.drain);
        let (form, task_id) = (self.target.form, self.target.task_id(job));
        let listener = match record {
            Some(record) => {
                let start = start(&record, self.last_event_id());
                if start == Start::Finished {
                    return Ok(reply.empty(StatusCode::NO_CONTENT).into());
                }
                let name = StreamName::new(&record.epoch, &task_id);
                Listener::open(shared.clone(), &record, start, Opening { slot, subscription, timers, form, name })
            }
            None => {
                let (name, subscription) = (StreamName::of_no_job(&task_id), shared.hub.subscribe_to_nothing(job));
                let first = frames_of_no_job(&name, self.last_event_id(), now_ms());
                Listener::of_no_job(shared.clone(), first, Opening { slot, subscription, timers, form, name })
            }
        };
        shared.counters.opened.add(1);
        Ok(Answer { response: reply.stream(empty()), listener: Some(listener) })
    }

    /// The job, or nothing where a task may do without one, and the client's wish for how long.
    async fn look(&self, found: Found) -> Result<(Option<JobRecord>, Option<Duration>), Problem> {
        let job = self.target.job()?;
        let timeout = self.target.timeout()?.map(Duration::from_secs);
        let record = match found {
            Found::Perhaps => {
                self.shared.log.place().await.look(job).await.map_err(|error| unreadable(&error, self.names))?
            }
            Found::No => None,
        };
        if record.is_none() && !self.target.may_be_of_no_job() {
            return Err(Problem::job_not_found());
        }
        Ok((record, timeout))
    }

    /// A link, a session, or a key. Of a key that is taken back the streams are told, but not of one that ends by itself.
    fn was_opened_by_what_may_end(&self) -> bool {
        let headers = &self.head.headers;
        self.target.access_token.is_some() || headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION)
    }

    /// The header is newer than the query, which an `EventSource` keeps over reconnections.
    fn last_event_id(&self) -> Option<&str> {
        let header = self.head.headers.get("last-event-id").filter(|value| !value.is_empty());
        match header {
            // What is not text is an id, but none of ours.
            Some(value) => Some(value.to_str().unwrap_or("?")),
            None => self.target.last_event_id.as_deref(),
        }
    }

    fn head_only(&self, reply: &Reply<'_>, job: Option<&JobRecord>) -> Response {
        match job.map(|job| start(job, self.last_event_id())) {
            Some(Start::Finished) => reply.empty(StatusCode::NO_CONTENT),
            _ => reply.stream(empty()),
        }
    }
}

fn not_acceptable() -> Problem {
    let detail =
        "Streams are text/event-stream only. Ask for the job's status with ?wait=30 where that cannot be read.";
    Problem::new(406, "NOT_ACCEPTABLE", detail).with_details(json!({ "available": [EVENT_STREAM] }))
}

fn with_allow(mut response: Response) -> Response {
    response.headers_mut().insert(http::header::ALLOW, ALLOW);
    response
}

fn unreadable(error: &RedisError, names: &Names) -> Problem {
    let (request_id, trace_id) = (&names.request_id, names.trace.trace_id());
    tracing::warn!(code = error.code(), %error, request_id, trace_id, "a job cannot be read for a stream");
    if error.is_retryable() {
        Problem::unavailable("The job store does not answer. Try again shortly.")
    } else {
        Problem::internal()
    }
}
