//! A component is asked. What changes nothing may share an instance with others while it is worked on; whatever becomes of
//! that instance, each of them is then asked once more with an instance to itself, so that only the request which is to
//! blame meets the fault. What may change something, or is answered bit by bit, has an instance to itself from the start.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use http_body::Body as _;
use http_body_util::BodyExt;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::{ExpirationError, InstantiationError, Request, TrapOrPanicError};

use super::admission::Place;
use super::answer::Failure;
use super::handler::{ComponentHandler, For};
use super::instance::Work;
use super::progress::{InBody, Progress, RequestBody};
use super::response::{OutBody, Unfinished, whole};
use super::until::Until;
use crate::trace::Span;

/// How long after an instance could not be started it is tried again. It is for as long as a request may wait for its turn.
const START_AGAIN: Duration = Duration::from_millis(25);
/// How long a route whose answers come bit by bit is remembered for it.
const STREAMS: Duration = Duration::from_secs(600);

type Handled = wasmtime::Result<http::Response<WasiBody>>;

/// The component's own answer. `streams` is on while the route is known for answers that come bit by bit.
pub(super) async fn ask(
    handler: &ComponentHandler,
    streams: &Until,
    parts: Parts,
    body: InBody,
    started: Instant,
    request_id: &str,
    span: &Span,
) -> Result<http::Response<OutBody>, Failure> {
    let usage = &handler.grants.usage;
    let room = handler.settings.max_body.unwrap_or(u64::MAX);
    if body.size_hint().lower() > room {
        usage.too_large();
        return Err(Failure::TooLarge);
    }
    let place = enter(handler, started, request_id).await?;
    let _active = usage.active();
    let work = |progress: &Arc<Progress>| {
        let (progress, place, traceparent) = (progress.clone(), place.clone(), span.traceparent());
        move || Work { progress: progress.clone(), place: place.clone(), traceparent: traceparent.clone() }
    };
    let progress = Progress::start();
    let comes_whole = !handler.settings.streams && !streams.is_on();
    if parts.method.is_safe() && body.is_end_stream() && handler.shares() && comes_whole {
        match beside_others(handler, streams, &parts, &progress, work(&progress)).await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => return Err(classify(handler, &error, &progress, started, request_id)),
        }
    }
    let progress = progress.again();
    let body = if body.is_end_stream() {
        nothing()
    } else {
        let slow = progress.clone();
        let transfer = handler.admission.transfer(Box::new(move || slow.make_room()));
        RequestBody { inner: body, progress: progress.clone(), transfer, room }.boxed_unsync()
    };
    let answer = handled(handler, For::One, Request::from_parts(parts, body), work(&progress)).await;
    if progress.made_room() {
        usage.made_room();
        tracing::warn!(component = &*handler.grants.component, request_id, "a slow client made room for others");
        return Err(busy(handler));
    }
    if progress.is_too_large() && answer.as_ref().map_or(true, |answer| answer.status().is_server_error()) {
        usage.too_large();
        return Err(Failure::TooLarge);
    }
    match answer {
        Ok(response) => Ok(OutBody::of(response, handler, place, progress).await),
        Err(error) => Err(classify(handler, &error, &progress, started, request_id)),
    }
}

/// The answer of an instance that others use as well; `None` when it is to be asked again alone.
async fn beside_others(
    handler: &ComponentHandler,
    streams: &Until,
    parts: &Parts,
    progress: &Progress,
    work: impl Fn() -> Work,
) -> wasmtime::Result<Option<http::Response<OutBody>>> {
    let request = Request::from_parts(parts.clone(), nothing());
    match handled(handler, For::Many, request, work).await {
        Ok(response) => match whole(response).await {
            Ok(response) if !progress.is_broken() => return Ok(Some(response)),
            Err(Unfinished::BitByBit) => streams.begin(STREAMS),
            Ok(_) | Err(Unfinished::BrokenOff) => handler.keep_apart(),
        },
        Err(error) if error.is::<TrapOrPanicError>() && !is_over(handler, progress) => handler.keep_apart(),
        Err(error) => return Err(error),
    }
    Ok(None)
}

/// A place among the requests in work.
async fn enter(handler: &ComponentHandler, started: Instant, request_id: &str) -> Result<Place, Failure> {
    if let Some(place) = handler.admission.try_enter() {
        return Ok(place);
    }
    let place = handler.admission.enter().await;
    handler.grants.usage.queued(started.elapsed());
    place.ok_or_else(|| {
        handler.grants.usage.refused();
        let component = &*handler.grants.component;
        tracing::warn!(component, request_id, "request refused: no place became free");
        busy(handler)
    })
}

fn busy(handler: &ComponentHandler) -> Failure {
    Failure::Busy(handler.admission.retry_after().as_secs())
}

/// What an instance makes of it. When none can be started, because the pool is full for the moment, it is tried again for
/// as long as a request waits for its turn.
async fn handled(handler: &ComponentHandler, kind: For, mut request: Request, work: impl Fn() -> Work) -> Handled {
    let mut failed: Option<Instant> = None;
    loop {
        let error = match handler.handle(kind, request, work()).await {
            Err(error) if error.is::<InstantiationError<Work>>() => error,
            other => return other,
        };
        let first = *failed.get_or_insert_with(Instant::now);
        if first.elapsed() >= handler.admission.wait() {
            handler.grants.usage.queued(first.elapsed());
            return Err(error);
        }
        let refused = error.downcast::<InstantiationError<Work>>()?;
        let component = &*handler.grants.component;
        tracing::warn!(component, error = format!("{:#}", refused.error), "no instance could be started");
        request = refused.request.into_inner().unwrap_or_else(PoisonError::into_inner);
        tokio::time::sleep(START_AGAIN).await;
    }
}

/// No body at all.
fn nothing() -> WasiBody {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn is_over(handler: &ComponentHandler, progress: &Progress) -> bool {
    Instant::now() >= progress.expires(handler.settings.request_timeout, handler.settings.request_deadline)
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
    let failure = if error.is::<ExpirationError>() || (is_over(handler, progress) && error.is::<TrapOrPanicError>()) {
        handler.grants.usage.timed_out();
        Failure::TimedOut
    } else if error.is::<TrapOrPanicError>() {
        Failure::Trapped
    } else if error.is::<InstantiationError<Work>>() {
        handler.grants.usage.refused();
        busy(handler)
    } else {
        Failure::Refused
    };
    let error = format!("{error:#}");
    tracing::warn!(component, elapsed_ms, ?failure, error, request_id, "request failed in component");
    failure
}
