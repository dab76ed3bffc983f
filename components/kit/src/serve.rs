//! The way of one request: route, guard, handler, headers.

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use http::request::Parts;
use http_body_util::Empty;
use image2model_domain::ids::parse_task_id;
use image2model_domain::request_id::HEADER as REQUEST_ID;
use image2model_domain::trace::{self, TraceContext};
use image2model_domain::{FileId, JobId, Problem};
use spin_sdk::http::{Request, box_body};

use crate::audit::Seen;
use crate::bindings::{Answer, Budget, Facts, Level, Pass, Role, Verdict};
use crate::context::{Context, body_of};
use crate::failure::Failure;
use crate::guard::{self, GuardHeaders};
use crate::query::Query;
use crate::reply::{self, Reply};
use crate::route::{Found, Params, Route, find};
use crate::{jobs, request_id, scope};

/// Answers a request from the table.
pub async fn serve(table: &'static [Route], request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let (id, trace) = (request_id::of(&parts.headers), request_id::trace(&parts.headers));
    let (trace_id, traceparent) = (trace.trace_id().to_owned(), trace.to_string());
    let names = scope::Names { request_id: id.clone(), trace_id, traceparent };
    scope::within(names, serve_named(table, Request::from_parts(parts, body), id, trace)).await
}

async fn serve_named(table: &'static [Route], request: Request, id: String, trace: TraceContext) -> Reply {
    let (parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let facts = guard::facts(&parts, &query, &id, &trace);
    let (path, head_only) = (facts.path.clone(), parts.method == http::Method::HEAD);
    let mut seen = None;
    let (outcome, headers) = match find(table, parts.method.as_str(), parts.uri.path()) {
        Found::Route(route, params) => {
            let body = Some(body_of(Request::new(body)));
            let arrived = Arrived { parts, query, params, body, facts, trace: trace.clone() };
            answer(route, arrived, seen.insert(Seen::at(route.pattern))).await
        }
        Found::OtherMethods(allow) => without_route(facts, Some(allow)).await,
        Found::Nothing => without_route(facts, None).await,
    };
    let mut reply = outcome.unwrap_or_else(|problem| {
        if let Some(seen) = &mut seen {
            seen.error_code = Some(problem.code().to_owned());
        }
        reply::problem(&problem, &path, &id)
    });
    finish(&mut reply, &headers, &id, &trace);
    if let Some(seen) = seen {
        reply.extensions_mut().insert(seen);
    }
    if head_only {
        *reply.body_mut() = box_body(Empty::new());
    }
    reply
}

/// A request that has a route.
struct Arrived {
    parts: Parts,
    query: Query,
    params: Params,
    body: Option<crate::BodyStream>,
    facts: Facts,
    trace: TraceContext,
}

type Outcome = (Result<Reply, Problem>, GuardHeaders);

async fn answer(route: &'static Route, arrived: Arrived, seen: &mut Seen) -> Outcome {
    let Arrived { parts, query, params, body, mut facts, trace } = arrived;
    route.pattern.clone_into(&mut facts.route);
    facts.budget = route.budget;
    let job = match named_job(&params).await {
        Ok(job) => job,
        Err(failure) => {
            // What does not exist is 404 for everybody, but only where everybody may ask.
            facts.level = if route.level == Level::Owner { Level::Open } else { route.level };
            return refuse(facts, failure, seen).await;
        }
    };
    facts.level = route.level;
    facts.job_id = job.as_ref().map(|job| job.as_str().to_owned());
    let (pass, job) = match guard::ask(&facts).await {
        Verdict::Pass(pass) => (pass, job),
        Verdict::Answer(answer) if is_unknown_task(&answer, &params) => (unknown(answer.headers), None),
        Verdict::Answer(answer) => return refused(answer),
    };
    seen.passed(&pass, job.clone());
    let request_id = facts.request_id.clone();
    let context = Context {
        notes: seen.notes.clone(),
        request_id: request_id.clone(),
        trace,
        method: parts.method,
        path: facts.path.clone(),
        route: route.pattern,
        headers: parts.headers,
        query,
        caller: pass.caller,
        client_address: pass.client_address,
        key_hash: pass.key_hash,
        role: pass.role,
        secure: guard::is_secure(&pass.headers),
        job,
        params,
        body,
        facts,
    };
    let outcome = (route.handler)(context).await.map_err(|f| f.into_problem(&request_id, route.pattern));
    (outcome, pass.headers)
}

/// The job that the path names, directly, as a task, or by one of its files.
async fn named_job(params: &Params) -> Result<Option<JobId>, Failure> {
    let of = |name: &str| params.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
    if let Some(text) = of("job_id").or_else(|| of("batch_id")) {
        return JobId::parse(text).map(Some).map_err(|_| Problem::job_not_found().into());
    }
    if let Some(text) = of("task_id") {
        let complaint = || Problem::plain(400, "Invalid task ID format. Expected UUID format.");
        let task = parse_task_id(text).map_err(|_| complaint())?;
        // A file has a task of its own, which is a part of its job's.
        return Ok(Some(match FileId::parse(text) {
            Ok(file) => jobs::of_file(&file).await?.unwrap_or(task),
            Err(_) => task,
        }));
    }
    let Some(text) = of("file_id") else { return Ok(None) };
    let file = FileId::parse(text).map_err(|_| Problem::file_not_found())?;
    jobs::of_file(&file).await?.map(Some).ok_or_else(|| Problem::file_not_found().into())
}

/// A refusal of our own, before the guard was asked who is calling: it still counts, and has the guard's headers. While Redis
/// is away it does not count: the guard would wait for it as long again, and the two seconds would be over.
async fn refuse(mut facts: Facts, failure: Failure, seen: &mut Seen) -> Outcome {
    let problem = failure.into_problem(&facts.request_id, &facts.route);
    if problem.status() == 503 {
        (facts.level, facts.budget) = (Level::Open, Budget::Uncounted);
    }
    match guard::ask(&facts).await {
        Verdict::Pass(pass) => {
            seen.passed(&pass, None);
            (Err(problem), pass.headers)
        }
        Verdict::Answer(answer) => refused(answer),
    }
}

fn refused(answer: Answer) -> Outcome {
    let outcome = match guard::problem(&answer) {
        Some(problem) => Err(problem),
        None => reply::empty(answer.status).map_err(|_| Problem::internal()),
    };
    (outcome, answer.headers)
}

/// As Celery answers for a task it never heard of, a task id is answered even when no job has it.
fn is_unknown_task(answer: &Answer, params: &Params) -> bool {
    answer.status == 404 && params.iter().any(|(name, _)| *name == "task_id")
}

fn unknown(headers: GuardHeaders) -> Pass {
    let (caller, client_address) = ("anonymous".to_owned(), "unknown".to_owned());
    Pass { caller, client_address, key_hash: None, role: Role::Anonymous, headers }
}

/// `OPTIONS` for any path, 405 for another method of a known path, 404 for an unknown path.
async fn without_route(facts: Facts, allow: Option<String>) -> Outcome {
    let headers = match guard::ask(&Facts { level: Level::Open, ..facts.clone() }).await {
        Verdict::Pass(pass) => pass.headers,
        Verdict::Answer(answer) => return refused(answer),
    };
    let outcome = match allow {
        Some(allow) if facts.method == "OPTIONS" => {
            reply::empty(204).map_err(|_| Problem::internal()).map(|mut reply| {
                reply::insert(&mut reply, ALLOW.as_str(), &allow);
                reply
            })
        }
        Some(allow) => {
            let detail = format!("{} is not allowed here; allowed: {allow}", facts.method);
            Err(Problem::plain(405, detail).with_header("allow", allow))
        }
        None => Err(Problem::no_route()),
    };
    (outcome, headers)
}

/// What every answer has. A handler's own word on caching, and on what its page may load, stands.
fn finish(reply: &mut Reply, headers: &GuardHeaders, id: &str, trace: &TraceContext) {
    for (name, value) in headers {
        // Both may say what an answer varies by; nearly everything else is the guard's word.
        match name.as_str() {
            "vary" => reply::append(reply, name, value),
            "content-security-policy" if reply.headers().contains_key(CONTENT_SECURITY_POLICY) => {}
            _ => reply::insert(reply, name, value),
        }
    }
    reply::insert(reply, REQUEST_ID, id);
    for name in [trace::HEADER, trace::ANSWER_HEADER] {
        reply::insert(reply, name, &trace.to_string());
    }
    if !reply.headers().contains_key(CACHE_CONTROL) {
        reply::insert(reply, CACHE_CONTROL.as_str(), "no-store");
    }
}
