//! A component is asked: a place, an instance, the answer, or what the client is told when there is none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::request::Parts;
use http_body::Body as _;
use http_body_util::BodyExt;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::Request;

use super::admission::Place;
use super::answer::Failure;
use super::handler::ComponentHandler;
use super::pool::{Instance, NotInTime};
use super::progress::{InBody, Progress, RequestBody};
use super::response::{OutBody, is_as_long_as_said};
use super::running::{Ended, Running, Work};
use crate::edge::swap::Caller;
use crate::trace::Span;

/// How long after an instance could not be started it is tried again. It is for as long as a request may wait for its turn.
const START_AGAIN: Duration = Duration::from_millis(25);

/// The component's own answer.
pub(super) async fn ask(
    handler: &ComponentHandler,
    parts: Parts,
    body: InBody,
    started: Instant,
    request_id: &str,
    caller: Caller,
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
    let instance = instance(handler, request_id).await?;
    let progress = Progress::start();
    let (only_asks, is_head) = (parts.method.is_safe() && body.is_end_stream(), parts.method == Method::HEAD);
    let body = received(handler, body, room, &progress);
    let traceparent = span.traceparent();
    let (place_held, pool) = (place.clone(), handler.pool.clone());
    let work = Work { progress: progress.clone(), only_asks, _place: place_held, traceparent, caller, pool };
    let mut running = Running::begin(instance, Request::from_parts(parts, body), work);
    let answer = running.head().await;
    if progress.made_room() {
        usage.made_room();
        tracing::warn!(component = &*handler.grants.component, request_id, "a slow client made room for others");
        return Err(busy(handler));
    }
    if progress.is_too_large() && answer.as_ref().map_or(true, |answer| answer.status().is_server_error()) {
        usage.too_large();
        return Err(Failure::TooLarge);
    }
    let answer = match answer {
        Ok(response) if response.status().is_informational() => Err(Ended::Interim),
        Ok(response) => OutBody::of(response, is_head, handler, place, progress.clone(), running).await,
        Err(ended) => Err(ended),
    };
    let said = answer.and_then(|answer| is_as_long_as_said(&answer, is_head).then_some(answer).ok_or(Ended::Misstated));
    let answer = said.map_err(|ended| failed(handler, &ended, &progress, started, request_id))?;
    if matches!(answer.body(), OutBody::Ready(_) | OutBody::Unmeasured(_)) {
        // Answers that are made in one turn of the scheduler are written together: to wake a client for each alone takes
        // as long as to make it.
        tokio::task::yield_now().await;
    }
    Ok(answer)
}

/// The body as the component reads it.
fn received(handler: &ComponentHandler, body: InBody, room: u64, progress: &Arc<Progress>) -> WasiBody {
    if body.is_end_stream() {
        return http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    }
    let slow = progress.clone();
    let transfer = handler.admission.transfer(Box::new(move |_| slow.make_room()));
    RequestBody { inner: body, progress: progress.clone(), transfer, room }.boxed_unsync()
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

/// An instance. When none can be started, because there are as many as there may be for the moment, it is tried again for as
/// long as a request waits for its turn. Where others start theirs first, it waits for as long as for an answer. Whatever else
/// stands in its way is the component's own.
async fn instance(handler: &ComponentHandler, request_id: &str) -> Result<Instance, Failure> {
    let first = Instant::now();
    let until = first + handler.settings.request_timeout;
    loop {
        let (why, wait) = match handler.pool.take(until).await {
            Ok(Some(instance)) => return Ok(instance),
            Ok(None) => ("others start theirs first".to_owned(), Duration::ZERO),
            Err(error) if error.is::<PoolConcurrencyLimitError>() => (format!("{error:#}"), handler.admission.wait()),
            Err(error) => {
                let (component, why) = (&*handler.grants.component, format!("{error:#}"));
                tracing::error!(component, error = why, request_id, "the component cannot be started");
                if error.is::<NotInTime>() {
                    handler.grants.usage.timed_out();
                    return Err(Failure::TimedOut);
                }
                handler.grants.usage.failed(&error);
                return Err(Failure::Trapped);
            }
        };
        let component = &*handler.grants.component;
        tracing::warn!(component, error = why, request_id, "no instance could be started");
        if first.elapsed() >= wait {
            handler.grants.usage.queued(first.elapsed());
            handler.grants.usage.refused();
            return Err(busy(handler));
        }
        tokio::time::sleep(START_AGAIN).await;
    }
}

/// What went wrong, for the client; the rest is logged.
fn failed(
    handler: &ComponentHandler,
    ended: &Ended,
    progress: &Progress,
    started: Instant,
    request_id: &str,
) -> Failure {
    let failure = match ended {
        Ended::Broken | Ended::Interim | Ended::Misstated | Ended::Unfinished(_) => Failure::Trapped,
        Ended::Expired => {
            handler.grants.usage.timed_out();
            if progress.awaits_client() { Failure::TooSlow } else { Failure::TimedOut }
        }
        Ended::Refused(_) => Failure::Refused,
    };
    let component = &*handler.grants.component;
    let (elapsed_ms, error) = (started.elapsed().as_millis() as u64, ended.to_string());
    tracing::warn!(component, elapsed_ms, ?failure, error, request_id, "request failed in component");
    failure
}
