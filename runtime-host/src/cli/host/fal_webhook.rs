//! The route at which FAL.AI tells that a request has ended. Anybody may call it, so nothing is done before the signature
//! is known to be FAL's, and what has to be read until then is bounded: a body's size, its time, and how many at once. An
//! answer other than 2xx makes FAL tell it again.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use image2model_domain::problem::{self, Problem};
use image2model_domain::request_id;
use image2model_host::edge::{Request, Response, full_body};
use image2model_host::fal::{Claim, WebhookError, WebhookKeys};
use image2model_host::redis::Store;
use image2model_host::trace::{self, Kind, Span};
use image2model_host::worker::{FAL_WEBHOOK_PATH, Told};
use tokio::sync::Semaphore;

/// Most bytes of a webhook: it carries the model's output, which names files and has none.
const MOST_BYTES: usize = 256 << 10;
/// How long a body may take to come.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// Webhooks that are read or verified at a time. Who cannot be taken is told again by FAL, and asked about by workers meanwhile.
const AT_ONCE: usize = 64;

pub struct FalWebhook {
    keys: WebhookKeys,
    store: Store,
    places: Semaphore,
}

impl FalWebhook {
    pub fn new(keys: WebhookKeys, store: Store) -> Self {
        Self { keys, store, places: Semaphore::new(AT_ONCE) }
    }

    pub fn handles(path: &str) -> bool {
        path.trim_end_matches('/') == FAL_WEBHOOK_PATH
    }

    pub async fn handle(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let id = head.headers.get(request_id::HEADER).and_then(|id| id.to_str().ok());
        let id = id.filter(|id| request_id::is_acceptable(id)).map_or_else(new_id, str::to_owned);
        let answer = if head.method == Method::POST {
            self.take(&head, body).await
        } else {
            Err(Problem::plain(405, "Method Not Allowed").with_header("allow", "POST"))
        };
        match answer {
            Ok(()) => reply(StatusCode::OK, "application/json", r#"{"status":"ok"}"#.to_owned(), &[], &id),
            Err(problem) => {
                let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let body = problem.body(head.uri.path(), &id).to_string();
                reply(status, problem::CONTENT_TYPE, body, problem.headers(), &id)
            }
        }
    }

    async fn take(&self, head: &http::request::Parts, body: hyper::body::Incoming) -> Result<(), Problem> {
        let claim = Claim::read(&head.headers).map_err(|error| not_believed(&error))?;
        let place = self.places.try_acquire().map_err(|_| Problem::unavailable("Too many webhooks at once"))?;
        let body = tokio::time::timeout(READ_WITHIN, Limited::new(body, MOST_BYTES).collect()).await;
        let body = body.map_err(|_| Problem::plain(408, "The body did not come in time"))?;
        let body: Bytes = body.map_err(|_| Problem::plain(413, "The body is too large or broke off"))?.to_bytes();
        self.keys.verify(claim, &body).await.map_err(|error| not_believed(&error))?;
        drop(place);
        let Some(told) = Told::read(head.uri.query().unwrap_or_default(), &body) else { return Ok(()) };
        // FAL names no trace: this one began at our door.
        let span = Span::begin(Kind::Consumer, trace::only(&head.headers), || "receive fal webhook");
        span.set("image2model.job_id", || told.job().to_owned());
        span.set("image2model.fal_request_id", || told.request_id().to_owned());
        let heard = told.hear(&self.store).await.map_err(|error| {
            span.fail(error.code());
            tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "a webhook of FAL.AI was not taken");
            Problem::unavailable("The webhook cannot be taken at the moment")
        })?;
        span.set("image2model.outcome", || heard.word());
        tracing::debug!(?told, ?heard, "FAL.AI told that a request has ended");
        Ok(())
    }
}

fn not_believed(error: &WebhookError) -> Problem {
    tracing::warn!(code = error.code(), kind = error.metric_label(), %error, "a webhook that is not FAL.AI's, or cannot be told to be, was refused");
    Problem::new(error.status(), error.code(), error.to_string())
}

fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn reply(status: StatusCode, kind: &'static str, body: String, added: &[(&'static str, String)], id: &str) -> Response {
    let mut response = Response::new(full_body(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in added.iter().map(|(name, value)| (*name, value.as_str())).chain([(request_id::HEADER, id)]) {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}
