//! One request: well-known paths, native routes, then the component whose route takes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, TrapOrPanicError};

use super::answer::Failure;
use super::handler::{ComponentHandler, Work};
use super::headers::{self, SpinHeaders};
use super::native::{Hangup, NativeRoutes, Response, full_body};
use super::progress::{Progress, RequestBody};
use super::response::OutBody;
use super::router::Router;

const HEALTH: &str = "/.well-known/spin/health";
const INFO: &str = "/.well-known/spin/info";
/// The longest `x-request-id` that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// Both ends of a connection.
pub(super) struct Peers {
    pub client: SocketAddr,
    /// `client` as the header that every request of the connection gets.
    pub client_header: HeaderValue,
    pub local: SocketAddr,
    /// Closes the connection.
    pub hangup: Hangup,
}

/// Everything that can answer.
pub(crate) struct Dispatch {
    pub router: Arc<Router>,
    pub native: Arc<dyn NativeRoutes>,
    /// The answer of `/.well-known/spin/info`.
    pub info: String,
}

impl Dispatch {
    /// Answers one request.
    pub(super) async fn answer(&self, request: http::Request<Incoming>, peers: &Peers) -> http::Response<OutBody> {
        let (parts, body) = request.into_parts();
        if let Some(response) = self.well_known(&parts) {
            return response.map(OutBody::Native);
        }
        if self.native.takes(&parts) {
            let mut request = http::Request::from_parts(parts, body);
            request.extensions_mut().insert(peers.hangup.clone());
            return self.native.handle(request, peers.client).await.map(OutBody::Native);
        }
        self.component(parts, body, peers).await
    }

    fn well_known(&self, parts: &http::request::Parts) -> Option<Response> {
        let body = match parts.uri.path() {
            HEALTH => ("text/plain", "OK".to_owned()),
            INFO => ("application/json", self.info.clone()),
            _ => return None,
        };
        let mut response = Response::new(full_body(body.1));
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(body.0));
        Some(response)
    }

    async fn component(
        &self,
        mut parts: http::request::Parts,
        body: Incoming,
        peers: &Peers,
    ) -> http::Response<OutBody> {
        let original = parts.uri.clone();
        let fail = |failure: Failure, id: Option<&HeaderValue>| {
            failure.answer(original.path(), &request_id(id)).map(OutBody::Native)
        };
        let id = parts.headers.get("x-request-id").cloned();
        let Some((target, found)) = self.router.find(original.path()) else {
            return fail(Failure::NotFound, id.as_ref());
        };
        let prepared = SpinHeaders::new(&found)
            .and_then(|spin| headers::prepare(&mut parts, target, spin, &peers.client_header, peers.local));
        if prepared.is_err() {
            return fail(Failure::BadRequest, id.as_ref());
        }
        let handler = &*target.handler;
        let Some(place) = handler.admission.enter().await else {
            tracing::warn!(component = &*handler.grants.component, "request refused: no place became free");
            return fail(Failure::Busy, id.as_ref());
        };
        let started = Instant::now();
        let progress = Progress::start();
        let body = RequestBody { inner: body, progress: progress.clone() }.boxed_unsync();
        match handler.handle(http::Request::from_parts(parts, body), progress.clone(), place.clone()).await {
            Ok(response) => OutBody::of(response, place).await,
            Err(error) => fail(classify(handler, &error, &progress, started), id.as_ref()),
        }
    }
}

/// What went wrong, for the client; the rest is logged.
fn classify(handler: &ComponentHandler, error: &wasmtime::Error, progress: &Progress, started: Instant) -> Failure {
    let component = &*handler.grants.component;
    let elapsed_ms = started.elapsed().as_millis() as u64;
    let expires = progress.expires(handler.settings.request_timeout, handler.settings.request_deadline);
    let expired = Instant::now() >= expires;
    let failure = if error.is::<ExpirationError>() || (expired && error.is::<TrapOrPanicError>()) {
        Failure::TimedOut
    } else if error.is::<TrapOrPanicError>() {
        Failure::Trapped
    } else if error.is::<InstantiationError<Work>>() {
        Failure::Busy
    } else {
        Failure::Refused
    };
    tracing::warn!(component, elapsed_ms, ?failure, error = format!("{error:#}"), "request failed in component");
    failure
}

/// The client's id for its request where it is presentable, else a new one.
fn request_id(sent: Option<&HeaderValue>) -> String {
    match sent.and_then(|id| id.to_str().ok()) {
        Some(id) if (1..=MAX_REQUEST_ID).contains(&id.len()) => id.to_owned(),
        _ => uuid::Uuid::now_v7().to_string(),
    }
}
