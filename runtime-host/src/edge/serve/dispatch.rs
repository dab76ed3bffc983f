//! One request: well-known paths, native routes, then the component whose route takes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use image2model_domain::request_id;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, TrapOrPanicError};

use super::access::{AnsweredBy, Line};
use super::answer::{Failure, secured};
use super::handler::{ComponentHandler, Work};
use super::headers::{self, SpinHeaders};
use super::native::{Hangup, NativeRoutes, Response, TakenOver, full_body};
use super::progress::{Progress, RequestBody};
use super::response::OutBody;
use super::router::{Router, Target};
use crate::trace::{self, Span};

const HEALTH: &str = "/.well-known/spin/health";
const INFO: &str = "/.well-known/spin/info";

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
    /// Answers one request, and logs it.
    pub(super) async fn answer(&self, mut request: http::Request<Incoming>, peers: &Peers) -> http::Response<OutBody> {
        let line = Line::begin(&request, peers.client.ip());
        let span = trace::received(&mut request);
        let answer = self.answered(request, peers, &span).await;
        span.answered(answer.status(), answer.status().is_server_error());
        line.end(&answer);
        answer
    }

    /// Answers the first request of a connection that is taken over, and logs it.
    pub(super) async fn take_over(&self, head: http::request::Parts, client: SocketAddr) -> TakenOver {
        let mut request = http::Request::from_parts(head, ());
        let line = Line::begin(&request, client.ip());
        let span = trace::received(&mut request);
        let TakenOver { response, carry } = self.native.take_over(request.into_parts().0, client).await;
        let response = secured(response);
        span.answered(response.status(), response.status().is_server_error());
        line.end(&response);
        TakenOver { response, carry }
    }

    async fn answered(&self, request: http::Request<Incoming>, peers: &Peers, span: &Span) -> http::Response<OutBody> {
        let (parts, body) = request.into_parts();
        let native = if let Some(response) = self.well_known(&parts) {
            response
        } else if self.native.takes(&parts) {
            let mut request = http::Request::from_parts(parts, body);
            request.extensions_mut().insert(peers.hangup.clone());
            self.native.handle(request, peers.client).await
        } else {
            return self.component(parts, body, peers, span).await;
        };
        secured(native).map(OutBody::Native)
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
        span: &Span,
    ) -> http::Response<OutBody> {
        let original = parts.uri.clone();
        // One name for the request, whether the component answers or the host in its place.
        let id = id_of(&mut parts.headers);
        let fail = |failure: Failure| failure.answer(original.path(), &id).map(OutBody::Native);
        let Some((target, found)) = self.router.find(original.path()) else {
            return fail(Failure::NotFound);
        };
        let prepared = SpinHeaders::new(&found)
            .and_then(|spin| headers::prepare(&mut parts, target, spin, &peers.client_header, peers.local));
        if prepared.is_err() {
            return fail(Failure::BadRequest);
        }
        let handler = &*target.handler;
        let guest = executed(span, &mut parts, target, &id);
        let started = Instant::now();
        let mut answer = ask(handler, parts, body, started, &id).await.unwrap_or_else(fail);
        // "Not implemented" is an answer, not a fault.
        let failed = answer.status().is_server_error() && answer.status() != StatusCode::NOT_IMPLEMENTED;
        handler.grants.usage.answered(started.elapsed(), failed);
        guest.answered(answer.status(), failed);
        answer.extensions_mut().insert(AnsweredBy(handler.grants.component.clone()));
        answer
    }
}

/// The span of a component at work, whose place in the trace the component hands on as its own. It ends with the head of
/// the answer.
fn executed(span: &Span, parts: &mut http::request::Parts, target: &Target, request_id: &str) -> Span {
    let (component, route) = (&*target.handler.grants.component, target.pattern.as_str());
    span.rename(|| format!("{} {route}", parts.method));
    span.set("http.route", || route.to_owned());
    span.set("image2model.request_id", || request_id.to_owned());
    let guest = span.child(trace::Kind::Internal, || format!("execute_wasm_component {component}"));
    guest.set("component_id", || component.to_owned());
    trace::hand_on(&mut parts.headers, &guest);
    guest
}

/// The component's own answer.
async fn ask(
    handler: &ComponentHandler,
    parts: http::request::Parts,
    body: Incoming,
    started: Instant,
    request_id: &str,
) -> Result<http::Response<OutBody>, Failure> {
    let Some(place) = handler.admission.enter().await else {
        let component = &*handler.grants.component;
        tracing::warn!(component, request_id, "request refused: no place became free");
        return Err(Failure::Busy);
    };
    let progress = Progress::start();
    let body = RequestBody { inner: body, progress: progress.clone() }.boxed_unsync();
    match handler.handle(http::Request::from_parts(parts, body), progress.clone(), place.clone()).await {
        Ok(response) => Ok(OutBody::of(response, place).await),
        Err(error) => Err(classify(handler, &error, &progress, started, request_id)),
    }
}

/// What went wrong, for the client; the rest is logged.
fn classify(
    handler: &ComponentHandler,
    error: &wasmtime::Error,
    progress: &Progress,
    started: Instant,
    request_id: &str,
) -> Failure {
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
    let error = format!("{error:#}");
    tracing::warn!(component, elapsed_ms, ?failure, error, request_id, "request failed in component");
    failure
}

/// The client's id for its request where it is presentable, else a new one, which the request has from here on.
fn id_of(headers: &mut http::HeaderMap) -> String {
    let sent = headers.get(request_id::HEADER).and_then(|id| id.to_str().ok());
    if let Some(id) = sent.filter(|id| request_id::is_acceptable(id)) {
        return id.to_owned();
    }
    let id = uuid::Uuid::now_v7().to_string();
    if let Ok(value) = HeaderValue::try_from(&id) {
        headers.insert(request_id::HEADER, value);
    }
    id
}
