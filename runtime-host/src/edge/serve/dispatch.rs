//! One request: well-known paths, native routes, then the component whose route takes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use image2model_domain::browser_headers::Origins;
use image2model_domain::request_id;

use super::access::{AnsweredBy, CLIENT_LEFT, Line};
use super::answer::{Asker, Failure, secured};
use super::ask::ask;
use super::headers::{self, SpinHeaders};
use super::native::{Hangup, NativeRoutes, Response, TakenOver, full_body};
use super::progress::InBody;
use super::response::{OutBody, without_what_it_cannot_have};
use super::router::{Answer, Router, Target};
use super::waited::Sender;
use crate::busy_poll;
use crate::edge::answers::To;
use crate::edge::manifest::{RouteMatch, StaticAnswer};
use crate::edge::swap::Caller;
use crate::edge::usage::Usage;
use crate::intake::{Encrypted, carrier};
use crate::trace::{self, Span};

/// What Spin answers itself: no component is asked for anything below it.
const WELL_KNOWN: &str = "/.well-known/spin/";
const HEALTH: &str = "/.well-known/spin/health";
const INFO: &str = "/.well-known/spin/info";

/// Both ends of a connection.
pub(super) struct Peers {
    pub client: SocketAddr,
    /// `client` as the header that every request of the connection gets.
    pub client_header: HeaderValue,
    pub local: SocketAddr,
    /// Whether the connection is.
    pub encrypted: bool,
}

/// Everything that can answer.
pub(crate) struct Dispatch {
    pub router: Arc<Router>,
    pub native: Arc<dyn NativeRoutes>,
    /// The answer of `/.well-known/spin/info`.
    pub info: String,
    /// Whose pages may read what the host answers itself.
    pub origins: Origins,
}

impl Dispatch {
    /// Answers one request, and logs it.
    pub(super) async fn answer(&self, mut request: http::Request<Incoming>, peers: &Peers) -> http::Response<OutBody> {
        let line = Line::begin(&request, peers.client.ip());
        let span = trace::received(&mut request);
        let is_head = request.method() == Method::HEAD;
        let answer = without_what_it_cannot_have(self.answered(request, peers, &span).await, is_head);
        span.answered(answer.status(), answer.status().is_server_error());
        line.end(&answer);
        busy_poll::sent();
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
        let asker = Asker::of(&parts.headers, Some(&self.origins), peers.encrypted);
        let native = if let Some(response) = self.well_known(&parts) {
            response
        } else if self.native.takes(&parts) {
            let mut request = http::Request::from_parts(parts, body);
            if let Some(carrier) = carrier() {
                request.extensions_mut().insert(Hangup(carrier));
            }
            if peers.encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            self.native.handle(request, peers.client).await
        } else {
            return self.routed(parts, body, peers, span).await;
        };
        asker.told(secured(native)).map(OutBody::Native)
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

    async fn routed(
        &self,
        mut parts: http::request::Parts,
        body: Incoming,
        peers: &Peers,
        span: &Span,
    ) -> http::Response<OutBody> {
        let uri = parts.uri.clone();
        let found = if headers::is_addressed(&parts) {
            self.router.find(uri.path()).filter(|_| !uri.path().starts_with(WELL_KNOWN)).ok_or(Failure::NotFound)
        } else {
            Err(Failure::BadRequest)
        };
        let (target, found) = match found {
            Ok(found) => found,
            Err(failure) => {
                let id = id_of(&mut parts.headers);
                let asker = Asker::of(&parts.headers, Some(&self.origins), peers.encrypted);
                return failure.answer(uri.path(), &id, &asker).map(OutBody::Native);
            }
        };
        let asked = Asked { target, found, peers, depth: 0, caller: None, origins: Some(&self.origins) };
        component(asked, parts, InBody::Client(body), span).await
    }
}

/// Whom a request is for, and whom it is from.
pub(super) struct Asked<'a> {
    pub target: &'a Target,
    pub found: RouteMatch<'a>,
    pub peers: &'a Peers,
    /// How many chained calls it is inside of.
    pub depth: usize,
    /// Who asked the component that asks; nothing where none does.
    pub caller: Option<Caller>,
    /// Whose pages may read the answer; nothing where a component asks.
    pub origins: Option<&'a Origins>,
}

/// The answer of whoever a route, or another component, leads to.
pub(super) async fn component(
    asked: Asked<'_>,
    mut parts: http::request::Parts,
    body: InBody,
    span: &Span,
) -> http::Response<OutBody> {
    let Asked { target, found, peers, depth, caller, origins } = asked;
    let original = parts.uri.clone();
    parts.headers.reserve(headers::ADDED);
    // One name for the request, whether the component answers or the host in its place.
    let id = id_of(&mut parts.headers);
    let asker = Asker::of(&parts.headers, origins, peers.encrypted);
    let fail = |failure: Failure| failure.answer(original.path(), &id, &asker).map(OutBody::Native);
    let (slot, grants) = match &target.answer {
        Answer::Component(slot, grants) => (slot, grants),
        Answer::Static(answer) => return fixed(answer).map(OutBody::Native),
    };
    let prepared = SpinHeaders::new(&found).and_then(|spin| headers::prepare(&mut parts, target, spin, peers));
    if prepared.is_err() {
        return fail(Failure::BadRequest);
    }
    let caller = caller.unwrap_or_else(|| who(&parts.headers, peers));
    let picked = slot.pick(caller);
    let Some(handler) = picked.built.handler.as_ref().map(|handler| handler.at(depth)) else {
        return fail(Failure::Refused);
    };
    let guest = executed(span, &mut parts, &grants.component, target.pattern.as_str(), &id);
    let (started, method) = (Instant::now(), parts.method.clone());
    let sender = Sender::default();
    let body = if picked.judge.is_some() { sender.watch(body) } else { body };
    let to = To { method: &method, encrypted: peers.encrypted, route: target.pattern.as_str() };
    let mut waits = Waits { usage: &grants.usage, to: &to, started, is_over: false };
    let asked = ask(handler, parts, body, started, &id, caller, &guest).await;
    waits.is_over = true;
    let waited = sender.waited(asked.as_ref().err().copied());
    let mut answer = asked.unwrap_or_else(fail);
    // "Not implemented" is an answer, not a fault.
    let failed = answer.status().is_server_error() && answer.status() != StatusCode::NOT_IMPLEMENTED;
    let took = started.elapsed();
    grants.usage.answered(took, failed);
    grants.usage.answers.count(&to, answer.status().as_u16(), took);
    if let (Some((judge, side)), Some(waited)) = (&picked.judge, waited) {
        judge.answered(*side, took.saturating_sub(waited), failed);
    }
    if !failed && let OutBody::Guest { broke, .. } = answer.body_mut() {
        let (grants, judge) = (grants.clone(), picked.judge);
        *broke = Some(Box::new(move || {
            grants.usage.broke_off();
            if let Some((judge, side)) = judge {
                judge.broke(side);
            }
        }));
    }
    guest.answered(answer.status(), failed);
    answer.extensions_mut().insert(AnsweredBy(grants.component.clone()));
    answer
}

/// Somebody waits for a head. Whoever leaves before there is one is counted when this is dropped.
struct Waits<'a> {
    usage: &'a Usage,
    to: &'a To<'a>,
    started: Instant,
    is_over: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            let took = self.started.elapsed();
            self.usage.answered(took, false);
            self.usage.answers.count(self.to, CLIENT_LEFT, took);
        }
    }
}

/// The manifest's own answer.
fn fixed(answer: &StaticAnswer) -> Response {
    let mut response = Response::new(full_body(answer.body.clone()));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    response
}

/// Who asks.
fn who(headers: &http::HeaderMap, peers: &Peers) -> Caller {
    let known = [header::AUTHORIZATION, header::COOKIE].into_iter().find_map(|name| headers.get(name));
    let forwarded = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    Caller::of(known.map(HeaderValue::as_bytes), forwarded, peers.client.ip())
}

/// The span of a component at work, whose place in the trace the component hands on as its own. It ends with the head of
/// the answer.
fn executed(span: &Span, parts: &mut http::request::Parts, component: &str, route: &str, request_id: &str) -> Span {
    span.rename(|| format!("{} {route}", parts.method));
    span.set("http.route", || route.to_owned());
    span.set("image2model.request_id", || request_id.to_owned());
    let guest = span.child(trace::Kind::Internal, || format!("execute_wasm_component {component}"));
    guest.set("component_id", || component.to_owned());
    trace::hand_on(&mut parts.headers, &guest);
    guest
}

/// The client's id for its request where it is presentable, else a new one, which the request has from here on.
fn id_of(headers: &mut http::HeaderMap) -> String {
    let sent = headers.get(request_id::HEADER).and_then(|id| id.to_str().ok());
    if let Some(id) = sent.filter(|id| request_id::is_acceptable(id)) {
        return id.to_owned();
    }
    let mut text = uuid::Uuid::encode_buffer();
    let id = &*uuid::Uuid::now_v7().hyphenated().encode_lower(&mut text);
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(request_id::HEADER, value);
    }
    id.to_owned()
}
