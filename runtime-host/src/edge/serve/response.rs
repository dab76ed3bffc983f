//! A component's answer on its way out. A body that is complete at once goes with its head in one write and with a length;
//! anything longer is streamed as it is made.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use parking_lot::Mutex;
use wasmtime_wasi_http::{Error, WasiBody};

use super::admission::Place;
use super::handler::ComponentHandler;
use super::native::{Body, BoxError};
use super::progress::Progress;
use super::running::{BodyInUse, Ended, Running, TURNS};
use super::transfers::{Cut, Transfer};
use crate::intake::carrier;

/// What the server writes.
pub(super) enum OutBody {
    /// All of it is here.
    Ready(Option<Bytes>),
    /// The same, of a component whose answers go in chunks where it does not say how long they are.
    Unmeasured(Option<Bytes>),
    /// From a native route or the host itself.
    Native(Body),
    /// From a component, which keeps its place until its body ends, has gone on for too long, or is wanted less than others.
    Guest {
        first: Option<Frame<Bytes>>,
        held: Held,
        transfer: Arc<Transfer>,
        progress: Arc<Progress>,
        /// Told once if the component fails before its answer is whole, which shows only when its head is long on its way.
        broke: Option<Box<dyn FnOnce() + Send>>,
    },
}

/// A component's side of an answer; gone when the answer is cut, whether or not it is being read, and when it has ended. When
/// it goes before that, its client has left.
pub(super) struct Held {
    side: Arc<Mutex<Option<Side>>>,
    /// What is still to come, where that was said.
    left: Option<u64>,
    is_whole: bool,
    progress: Arc<Progress>,
}

type Side = (WasiBody, Place, Option<BodyInUse>);

impl OutBody {
    /// The body of `response`, and its length added to the head where it is known already. What is complete lets its instance
    /// come to rest here; anything else is made by a task of its own. What fails before any of it is sent is no answer, unless
    /// nobody is sent a body: one that says how long it would be, and has none, has not failed.
    pub async fn of(
        response: http::Response<WasiBody>,
        is_head: bool,
        handler: &ComponentHandler,
        place: Place,
        progress: Arc<Progress>,
        mut running: Running,
    ) -> Result<http::Response<Self>, Ended> {
        let (mut head, mut body) = response.into_parts();
        let seen = progress.clone();
        let left = length_said(&head.headers);
        let is_wanted = !has_none(head.status, is_head);
        let guest = |first, body, running: Running| {
            let side = Arc::new(Mutex::new(Some((body, place, running.in_use()))));
            let (cut, usage) = (side.clone(), handler.grants.usage.clone());
            // What another component asked has nothing of its own that carries it.
            let carrier = if handler.is_chained() { None } else { carrier() };
            let transfer = handler.admission.transfer(Box::new(move |why| {
                let mut held = cut.lock();
                let Some(side) = held.take() else { return };
                match why {
                    Cut::Wanted => usage.made_room(),
                    Cut::Overdue => usage.cut_off(),
                }
                // A client that takes nothing does not see its answer end. Before anything else can be carried.
                if let Some(carrier) = &carrier {
                    carrier.cancel();
                }
                drop(held);
                drop(side);
            }));
            progress.sends(&transfer);
            let held = Held { side, left, is_whole: false, progress: progress.clone() };
            Self::Guest { first, held, transfer, progress, broke: None }
        };
        let first = match next(&mut body, &mut running).await {
            Next::Frame(frame) => frame,
            Next::Later => return Ok(http::Response::from_parts(head, guest(None, body, running))),
            Next::End if seen.is_broken() => return Err(Ended::Broken),
            Next::Failed(error) if is_wanted => return Err(unfinished(running, error).await),
            Next::End | Next::Failed(_) => {
                running.end().await;
                return Ok(http::Response::from_parts(head, Self::Ready(None)));
            }
        };
        let Some(bytes) = first.data_ref().cloned() else {
            return Ok(http::Response::from_parts(head, guest(Some(first), body, running)));
        };
        match next(&mut body, &mut running).await {
            Next::Frame(second) => {
                let body = chain(second, body);
                Ok(http::Response::from_parts(head, guest(Some(first), body, running)))
            }
            Next::Later => Ok(http::Response::from_parts(head, guest(Some(first), body, running))),
            Next::End if seen.is_broken() => Err(Ended::Broken),
            Next::End => {
                running.end().await;
                if !head.headers.contains_key(header::CONTENT_LENGTH) {
                    if handler.is_older() {
                        return Ok(http::Response::from_parts(head, Self::Unmeasured(Some(bytes))));
                    }
                    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
                }
                Ok(http::Response::from_parts(head, Self::Ready(Some(bytes))))
            }
            Next::Failed(error) if is_wanted => Err(unfinished(running, error).await),
            Next::Failed(_) => {
                running.end().await;
                Ok(http::Response::from_parts(head, Self::Ready(None)))
            }
        }
    }
}

/// The body has come to an end that is none; the instance may come to rest all the same.
async fn unfinished(running: Running, error: Error) -> Ended {
    running.end().await;
    Ended::Unfinished(error)
}

/// Whether the head of an answer that is all here says how long it is, if it says so. Whoever believes a head that does not
/// takes the end of one answer for the beginning of the next. What has no body by its kind may say how long it would be.
pub(super) fn is_as_long_as_said(answer: &http::Response<OutBody>, is_head: bool) -> bool {
    let OutBody::Ready(bytes) = answer.body() else { return true };
    if has_none(answer.status(), is_head) {
        return true;
    }
    let length = bytes.as_ref().map_or(0, Bytes::len);
    let mut said = answer.headers().get_all(header::CONTENT_LENGTH).iter();
    said.all(|said| {
        let digits = said.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|text| text.parse().ok()) == Some(length)
    })
}

/// Takes the body off an answer that has none by its kind: of HTTP/2 and of calls between components nobody else does. What
/// a `HEAD` asks after is said where it is known.
pub(super) fn without_what_it_cannot_have(
    mut answer: http::Response<OutBody>,
    is_head: bool,
) -> http::Response<OutBody> {
    if !has_none(answer.status(), is_head) {
        return answer;
    }
    let length = answer.body().size_hint().exact();
    if let Some(length) = length.filter(|length| is_head && *length > 0) {
        answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
    }
    // RFC 9110, 8.6. Clients of HTTP/2 take it for a fault.
    if answer.status() == StatusCode::NO_CONTENT {
        answer.headers_mut().remove(header::CONTENT_LENGTH);
    }
    answer.map(|_| OutBody::Ready(None))
}

fn has_none(status: StatusCode, is_head: bool) -> bool {
    is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// How long an answer is that says so.
fn length_said(headers: &http::HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Held {
    /// Tells whether the answer has been taken whole, after this of it. A server does not ask beyond the length that was said.
    fn took(&mut self, frame: &Frame<Bytes>) {
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.map(|left| left.saturating_sub(bytes));
        self.is_whole |= self.left == Some(0);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let side = self.side.lock().take();
        let is_whole = self.is_whole || side.as_ref().is_some_and(|(body, ..)| body.is_end_stream());
        drop(side);
        if !is_whole {
            self.progress.leave();
        }
    }
}

enum Next {
    Frame(Frame<Bytes>),
    End,
    Later,
    /// Bodies say so once: asked again, they are at their end.
    Failed(Error),
}

/// The next frame, if it comes within a few turns of the scheduler. Nobody has to be woken for it: it is looked for.
async fn next(body: &mut WasiBody, running: &mut Running) -> Next {
    for turn in 0..=TURNS {
        let polled = poll_fn(|cx| {
            running.poll_guest(cx);
            running.comes_back();
            Poll::Ready(Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())))
        });
        let polled = polled.await;
        match polled {
            Poll::Ready(Some(Ok(frame))) => return Next::Frame(frame),
            Poll::Ready(None) => return Next::End,
            Poll::Ready(Some(Err(error))) => return Next::Failed(error),
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
            Self::Ready(bytes) | Self::Unmeasured(bytes) => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Native(body) => Pin::new(body).poll_frame(cx),
            Self::Guest { first, held, transfer, progress, broke } => {
                let cut = || Poll::Ready(Some(Err("the answer was cut".into())));
                if transfer.is_cut(cx) {
                    return cut();
                }
                let polled = if let Some(frame) = first.take() {
                    Poll::Ready(Some(Ok(frame)))
                } else {
                    match &mut *held.side.lock() {
                        Some((body, ..)) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
                        None => return cut(),
                    }
                };
                // Asked again only when the client has taken what there is.
                transfer.waits_for_client(polled.is_ready());
                match &polled {
                    Poll::Ready(Some(Ok(frame))) => {
                        transfer.moved(frame.data_ref().map_or(0, Bytes::len));
                        held.took(frame);
                    }
                    Poll::Ready(None) => held.is_whole = true,
                    _ => {}
                }
                match polled {
                    Poll::Ready(None) if progress.is_broken() => {
                        if let Some(tell) = broke.take() {
                            tell();
                        }
                        Poll::Ready(Some(Err("the component failed before its answer was whole".into())))
                    }
                    polled => polled,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ready(bytes) | Self::Unmeasured(bytes) => bytes.is_none(),
            Self::Native(body) => body.is_end_stream(),
            Self::Guest { first, held, progress, .. } => {
                let is_at_its_end = || held.side.lock().as_ref().is_some_and(|(body, ..)| body.is_end_stream());
                first.is_none() && !progress.is_broken() && is_at_its_end()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Native(body) => body.size_hint(),
            Self::Unmeasured(_) | Self::Guest { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, said: &[&str], body: Option<&'static str>) -> http::Response<OutBody> {
        let mut answer = http::Response::new(OutBody::Ready(body.map(Bytes::from)));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        for said in said {
            answer.headers_mut().append(header::CONTENT_LENGTH, HeaderValue::from_str(said).unwrap());
        }
        answer
    }

    fn fits(status: u16, said: &[&str], body: Option<&'static str>, is_head: bool) -> bool {
        is_as_long_as_said(&answer(status, said, body), is_head)
    }

    #[test]
    fn only_an_answer_that_is_as_long_as_it_says_is_sent() {
        for said in [&["5"][..], &[], &["5", "5"]] {
            assert!(fits(200, said, Some("short"), false), "{said:?}");
        }
        for said in [&["1000"][..], &["4"], &["5", "6"], &["+5"], &["5, 5"], &[""]] {
            assert!(!fits(200, said, Some("short"), false), "{said:?}");
        }
        assert!(!fits(200, &["1000"], None, false) && fits(200, &["0"], None, false));
    }

    #[test]
    fn what_has_no_body_by_its_kind_may_say_how_long_it_would_be_and_is_sent_without() {
        for (status, is_head) in [(200, true), (204, false), (304, false)] {
            for body in [None, Some("short")] {
                assert!(fits(status, &["1000"], body, is_head), "{status} {body:?}");
                let sent = without_what_it_cannot_have(answer(status, &["1000"], body), is_head);
                let said = sent.headers().get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
                let may_say = (status != 204).then_some(b"1000".as_slice());
                assert_eq!((sent.body().is_end_stream(), said), (true, may_say), "{status} {body:?}");
            }
        }
        let length = |status, body: Option<&'static str>, is_head| {
            let sent = without_what_it_cannot_have(answer(status, &[], body), is_head);
            sent.headers().get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap().to_owned())
        };
        assert_eq!(length(200, Some("short"), true).as_deref(), Some("5"));
        // That a component sends no body along need not mean that there is none.
        assert_eq!((length(200, None, true), length(304, Some("short"), false)), (None, None));
    }

    #[test]
    fn what_has_a_body_keeps_it() {
        assert!(!without_what_it_cannot_have(answer(200, &[], Some("short")), false).body().is_end_stream());
    }
}
