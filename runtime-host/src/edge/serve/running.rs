//! One request at work in an instance that is its own. Whatever a guest does to its instance, it does to this request alone.
//!
//! It is worked on where it arrived: its connection's task polls the guest, with no other task between them. An answer that is
//! not complete at once is made by a task of its own. When a client leaves before its answer, a guest that was only asked ends,
//! and one that is making its answer a little later; one that may be changing something goes on by itself, so that it can put
//! away what it has begun.
//!
//! What another component asked is a task of its own from the start.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::channel::oneshot;
use tokio::time::Sleep;
use wasmtime::component::{Accessor, Func};
use wasmtime::{AsContextMut as _, Store};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{Prepared, Proxy, Request, Response};

use super::admission::Place;
use super::again::Again;
use super::handler::HandlerSettings;
use super::pool::{Instance, Pool};
use super::progress::Progress;
use crate::edge::capabilities::HostState;
use crate::edge::cpu::Measured;
use crate::edge::swap::Caller;

/// How long a guest may go on after its request was given up.
const GRACE: Duration = Duration::from_millis(100);

/// How long a guest that was only asked may go on after its client has left in the middle of its answer: it hears of that
/// when it next writes, and may have something to put away.
const LEFT_GRACE: Duration = Duration::from_secs(2);

/// Turns of the scheduler in which something that is as good as done is waited for.
pub(super) const TURNS: usize = 2;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the component trapped or was cut off")]
    Broken,
    #[error("the component took too long")]
    Expired,
    /// RFC 9110, 15.2: another has to follow, and a component has only one.
    #[error("the component's answer is an interim one")]
    Interim,
    #[error("the component's answer is not as long as its head says")]
    Misstated,
    #[error("the component's answer broke off: {0}")]
    Unfinished(wasmtime_wasi_http::Error),
    #[error("the component gave an error instead of an answer: {0:#}")]
    Refused(wasmtime::Error),
}

type Guest = Again<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A request at work.
pub(super) struct Running {
    /// None when it has come to rest, or is a task of its own.
    guest: Option<Measured<Guest>>,
    head: oneshot::Receiver<wasmtime::Result<Response>>,
    /// Held until the answer's body is done with.
    body: Option<BodyInUse>,
    work: Work,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody has its answer, or has taken the body of that: one that is a task of its own has to be told.
        if self.body.is_some() {
            self.work.progress.leave();
        }
        if !self.work.only_asks {
            self.let_go();
        }
    }
}

/// While it is held, the instance goes on making the answer's body.
pub(super) type BodyInUse = oneshot::Sender<()>;

/// What goes with a request.
#[derive(Clone)]
pub(super) struct Work {
    pub progress: Arc<Progress>,
    /// Nobody misses what it does when its answer is not wanted any more.
    pub only_asks: bool,
    /// What goes on behind an answer counts as work too.
    pub _place: Place,
    /// Its place in its trace, where there is one.
    pub traceparent: Option<String>,
    /// Whom it is from.
    pub caller: Caller,
    pub pool: Arc<Pool>,
}

impl Work {
    fn settings(&self) -> &HandlerSettings {
        &self.pool.start.settings
    }

    /// When the request is given up.
    fn expires(&self) -> Instant {
        let settings = self.settings();
        self.progress.expires(settings.request_timeout, settings.request_deadline)
    }

    /// Until when the guest may go on by itself. One that changes something may do so for as long as a request may take.
    fn ends(&self) -> Instant {
        let ends = match self.progress.answered() {
            Some(at) => at + self.settings().body_deadline,
            None => self.expires(),
        };
        let more = if self.only_asks { LEFT_GRACE } else { self.settings().request_deadline };
        self.progress.left().map_or(ends, |left| ends.min(left + more))
    }
}

impl Running {
    /// Hands the request to the instance; nothing happens before it is polled.
    pub fn begin(instance: Instance, request: Request, work: Work) -> Self {
        let (answer, head) = oneshot::channel();
        let (body, body_done) = oneshot::channel();
        let meter = instance.store.data().cpu.meter();
        let guest: Guest = Again::new(Box::pin(run(instance, request, answer, body_done, work.clone())), meter.clone());
        let guest = Some(meter.measure(guest));
        let is_chained = work.pool.start.depth > 0;
        let mut running = Self { guest, head, body: Some(body), work, timer: None };
        if is_chained {
            // The engine lets no guest work inside of another.
            running.let_go();
        }
        running
    }

    /// Lets the guest go on by itself.
    fn let_go(&mut self) {
        if let Some(guest) = self.guest.take() {
            let behind = &self.work.settings().behind;
            behind.spawn(go_on(guest, self.work.clone()));
        }
    }

    /// The head of the answer, with a body that comes as long as this, or what is taken with [`Self::in_use`], is held.
    pub async fn head(&mut self) -> Result<Response, Ended> {
        let head = std::future::poll_fn(|cx| self.poll_head(cx)).await?;
        self.work.progress.answer();
        Ok(head)
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response, Ended>> {
        self.poll_guest(cx);
        let head = if self.guest.is_some() {
            // To wait for what is made here would wake this task while it is at work.
            self.head.try_recv().transpose().map_or(Poll::Pending, Poll::Ready)
        } else {
            self.head.poll_unpin(cx)
        };
        if let Poll::Ready(head) = head {
            return Poll::Ready(match head {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(_)) if self.work.progress.is_broken() => Err(Ended::Broken),
                Ok(Err(error)) => Err(Ended::Refused(error)),
                Err(oneshot::Canceled) => Err(Ended::Broken),
            });
        }
        loop {
            let expires = self.work.expires().into();
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(expires)));
            if timer.deadline() != expires {
                timer.as_mut().reset(expires);
            }
            std::task::ready!(timer.as_mut().poll(cx));
            if self.work.expires() <= Instant::now() {
                return Poll::Ready(Err(Ended::Expired));
            }
        }
    }

    /// Works on the request, and tells whether there is nothing left to do here.
    pub fn poll_guest(&mut self, cx: &mut Context<'_>) -> bool {
        if self.guest.as_mut().is_some_and(|guest| guest.poll_unpin(cx).is_ready()) {
            self.guest = None;
        }
        self.guest.is_none()
    }

    /// The guest is polled again in any case: until then nobody has to be woken for it.
    pub fn comes_back(&self) {
        if let Some(guest) = &self.guest {
            guest.work().comes_back();
        }
    }

    /// The answer's body has ended: the instance may come to rest.
    pub async fn end(mut self) {
        self.body = None;
        for turn in 0..=TURNS {
            if std::future::poll_fn(|cx| Poll::Ready(self.poll_guest(cx))).await {
                return;
            }
            if turn < TURNS {
                tokio::task::yield_now().await;
            }
        }
        self.let_go();
    }

    /// The answer's body is taken elsewhere, in its own time.
    pub fn in_use(mut self) -> Option<BodyInUse> {
        self.let_go();
        self.body.take()
    }
}

/// A guest that goes on by itself, for as long as it may; so does the answer that it makes.
async fn go_on(mut guest: Measured<Guest>, work: Work) {
    loop {
        let ends = work.ends();
        if ends <= Instant::now() {
            break;
        }
        tokio::select! {
            biased;
            () = &mut guest => return,
            () = work.progress.leaves() => {}
            () = tokio::time::sleep_until(ends.into()) => {}
        }
    }
    work.progress.end_answer();
    if tokio::time::timeout(GRACE, guest).await.is_err() {
        work.progress.break_off();
        let component = &*work.pool.start.grants.component;
        if work.only_asks && work.progress.left().is_some() {
            tracing::debug!(component, "an instance was ended whose client had left");
        } else {
            tracing::warn!(component, "an instance was ended that went on for too long");
        }
    }
}

/// Has the request answered, waits until nothing goes on any more, and keeps the instance for others.
async fn run(
    mut instance: Instance,
    request: Request,
    answer: oneshot::Sender<wasmtime::Result<Response>>,
    body_done: oneshot::Receiver<()>,
    work: Work,
) {
    instance.answered += 1;
    let Instance { store, proxy, .. } = &mut instance;
    let (traceparent, caller) = (work.traceparent.clone(), work.caller);
    let asking = store.run_concurrent(async |accessor: &Accessor<HostState>| -> wasmtime::Result<bool> {
        let prepared = accessor.with(|mut store| {
            let prepared = Prepared::new(store.as_context_mut(), proxy, request, HostState::http, answer)?;
            store.data_mut().begin(traceparent, caller);
            wasmtime::error::Ok(prepared)
        })?;
        // It is given up from outside: a guest that computes is not heard in here.
        prepared.run(accessor, std::future::pending()).await?;
        let _ended = body_done.await;
        let function = entry(proxy);
        std::future::poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
        Ok(std::future::poll_fn(|cx| Poll::Ready(accessor.poll_ready_for_concurrent_call(function, cx).is_ready()))
            .await)
    });
    let ended = AssertUnwindSafe(asking).catch_unwind().await;
    match ended.unwrap_or_else(|_| Err(wasmtime::format_err!("the host panicked"))).flatten() {
        Ok(true) => work.pool.give_back(instance),
        Ok(false) => {}
        Err(error) => broken(&instance.store, &error, &work.progress),
    }
}

/// What a request calls.
fn entry(proxy: &Proxy) -> Func {
    match proxy {
        Proxy::P3(guest) => *guest.wasi_http_handler().func_handle().func(),
        Proxy::P2(guest) => *guest.wasi_http_incoming_handler().func_handle().func(),
    }
}

fn broken(store: &Store<HostState>, error: &wasmtime::Error, progress: &Progress) {
    // Before the store goes, and with it the other end of every body.
    progress.break_off();
    let grants = &store.data().grants;
    grants.usage.failed(error);
    tracing::error!(component = &*grants.component, error = format!("{error:?}"), "component trapped");
}
