//! A component's answer on its way out. A body that is complete at once goes with its head in one write and with a length;
//! anything longer is streamed as it is made.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::Sleep;
use wasmtime_wasi_http::WasiBody;

use super::admission::Place;
use super::handler::ComponentHandler;
use super::native::{Body, BoxError};
use super::progress::Progress;
use super::transfers::Transfer;
use crate::edge::usage::Usage;

/// The largest answer, bytes, that counts as whole before it is handed on, and how long it may take to be so.
const WHOLE: usize = 64 * 1024;
const WHOLE_WITHIN: Duration = Duration::from_secs(1);
/// Turns of the scheduler that a small body is given to be complete.
const TURNS: usize = 2;

/// What the server writes.
pub(super) enum OutBody {
    /// All of it is here.
    Ready(Option<Bytes>),
    /// From a native route or the host itself.
    Native(Body),
    /// From a component, which keeps its place until its body ends, has gone on for too long, or is wanted less than others.
    Guest {
        first: Option<Frame<Bytes>>,
        held: Held,
        until: Pin<Box<Sleep>>,
        transfer: Arc<Transfer>,
        usage: Arc<Usage>,
        progress: Arc<Progress>,
    },
}

/// A component's side of an answer; gone when it has made room for others, whether or not it is being read.
type Held = Arc<Mutex<Option<(WasiBody, Place)>>>;

impl OutBody {
    /// The body of `response`, and its length added to the head where it is known already.
    pub async fn of(
        response: http::Response<WasiBody>,
        handler: &ComponentHandler,
        place: Place,
        progress: Arc<Progress>,
    ) -> http::Response<Self> {
        let (mut head, mut body) = response.into_parts();
        let seen = progress.clone();
        let guest = |first, body| {
            let until = Box::pin(tokio::time::sleep(handler.settings.body_deadline));
            let usage = handler.grants.usage.clone();
            let held: Held = Arc::new(Mutex::new(Some((body, place))));
            let taken = held.clone();
            let slow = usage.clone();
            let transfer = handler.admission.transfer(Box::new(move || {
                slow.made_room();
                drop(take(&taken));
            }));
            Self::Guest { first, held, until, transfer, usage, progress }
        };
        let first = match next(&mut body).await {
            Next::End if !seen.is_broken() => return http::Response::from_parts(head, Self::Ready(None)),
            Next::Frame(frame) => frame,
            Next::End => return http::Response::from_parts(head, guest(None, body)),
            Next::Later => return http::Response::from_parts(head, guest(None, body)),
        };
        let Some(bytes) = first.data_ref().cloned() else {
            return http::Response::from_parts(head, guest(Some(first), body));
        };
        match next(&mut body).await {
            Next::End if seen.is_broken() => http::Response::from_parts(head, guest(Some(first), body)),
            Next::End => {
                if !head.headers.contains_key(header::CONTENT_LENGTH) {
                    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                }
                http::Response::from_parts(head, Self::Ready(Some(bytes)))
            }
            Next::Frame(second) => {
                let body = chain(second, body);
                http::Response::from_parts(head, guest(Some(first), body))
            }
            Next::Later => http::Response::from_parts(head, guest(Some(first), body)),
        }
    }
}

/// Why [`whole`] did not find all of an answer.
pub(super) enum Unfinished {
    /// It is large, or made over time.
    BitByBit,
    /// It ends in an error.
    BrokenOff,
}

/// Waits for all of an answer, if it is one of those that are there soon.
pub(super) async fn whole(response: http::Response<WasiBody>) -> Result<http::Response<OutBody>, Unfinished> {
    let (mut head, mut body) = response.into_parts();
    let known = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if known.is_some_and(|length| length > WHOLE) {
        return Err(Unfinished::BitByBit);
    }
    let collected = tokio::time::timeout(WHOLE_WITHIN, collect(&mut body)).await;
    let collected = collected.map_err(|_| Unfinished::BitByBit)?;
    let bytes = collected.map_err(|_| Unfinished::BrokenOff)?.ok_or(Unfinished::BitByBit)?;
    if known.is_none() && !bytes.is_empty() {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    Ok(http::Response::from_parts(head, OutBody::Ready((!bytes.is_empty()).then_some(bytes))))
}

/// All bytes of a body, or none when they are more than `WHOLE`, or have trailers.
async fn collect(body: &mut WasiBody) -> Result<Option<Bytes>, wasmtime_wasi_http::Error> {
    let mut all = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame?.into_data() else { return Ok(None) };
        if all.len() + bytes.len() > WHOLE {
            return Ok(None);
        }
        all = if all.is_empty() { bytes } else { [all, bytes].concat().into() };
    }
    Ok(Some(all))
}

fn take(held: &Held) -> Option<(WasiBody, Place)> {
    held.lock().unwrap_or_else(PoisonError::into_inner).take()
}

enum Next {
    Frame(Frame<Bytes>),
    End,
    Later,
}

/// The next frame, if it comes within a few turns of the scheduler. An error is left for the server to find.
async fn next(body: &mut WasiBody) -> Next {
    for turn in 0..=TURNS {
        let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut *body).poll_frame(cx))).await;
        match polled {
            Poll::Ready(Some(Ok(frame))) => return Next::Frame(frame),
            Poll::Ready(None) => return Next::End,
            Poll::Ready(Some(Err(_))) => return Next::Later,
            Poll::Pending if turn < TURNS => tokio::task::yield_now().await,
            Poll::Pending => {}
        }
    }
    Next::Later
}

/// `frame` put back in front of `rest`.
fn chain(frame: Frame<Bytes>, rest: WasiBody) -> WasiBody {
    use futures::stream::{StreamExt, once};
    use http_body_util::{BodyExt, BodyStream, StreamBody};
    StreamBody::new(once(async { Ok(frame) }).chain(BodyStream::new(rest))).boxed_unsync()
}

impl http_body::Body for OutBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            Self::Ready(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Native(body) => Pin::new(body).poll_frame(cx),
            Self::Guest { first, held, until, transfer, usage, progress } => {
                if transfer.is_cut(cx) {
                    return Poll::Ready(Some(Err("a slow client made room for others".into())));
                }
                let polled = if let Some(frame) = first.take() {
                    Poll::Ready(Some(Ok(frame)))
                } else if until.as_mut().poll(cx).is_ready() {
                    usage.cut_off();
                    return Poll::Ready(Some(Err("the answer went on for longer than it may".into())));
                } else {
                    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                    match &mut *held {
                        Some((body, _)) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
                        None => return Poll::Ready(Some(Err("a slow client made room for others".into()))),
                    }
                };
                // Asked again only when the client has taken what there is.
                transfer.waits_for_client(polled.is_ready());
                if let Poll::Ready(Some(Ok(frame))) = &polled {
                    transfer.moved(frame.data_ref().map_or(0, Bytes::len));
                }
                match polled {
                    Poll::Ready(None) if progress.is_broken() => {
                        Poll::Ready(Some(Err("the component failed before its answer was whole".into())))
                    }
                    polled => polled,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ready(bytes) => bytes.is_none(),
            Self::Native(body) => body.is_end_stream(),
            Self::Guest { first, held, progress, .. } => {
                let held = held.lock().unwrap_or_else(PoisonError::into_inner);
                first.is_none() && !progress.is_broken() && held.as_ref().is_some_and(|(body, _)| body.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Native(body) => body.size_hint(),
            Self::Guest { .. } => SizeHint::default(),
        }
    }
}
