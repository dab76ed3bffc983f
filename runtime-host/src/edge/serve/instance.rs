//! One instance at work: when it takes another request, when it is given up, what becomes of it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};

use super::admission::Place;
use super::handler::{For, HandlerSettings};
use super::progress::{Activity, Progress};
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::cpu::OutOfTime;
use crate::edge::engine::EdgeEngine;

/// How long a guest that keeps its thread busy is left alone after its request expired.
const GRACE: std::time::Duration = std::time::Duration::from_millis(100);

/// What goes with a request to its instance.
pub(crate) struct Work {
    pub progress: Arc<Progress>,
    pub place: Place,
    /// Its place in its trace, where there is one.
    pub traceparent: Option<String>,
}

/// What the instances of one kind of one component are made from.
#[derive(Clone)]
pub(super) struct State {
    pub engine: EdgeEngine,
    pub pre: Arc<ProxyPre<HostState>>,
    pub grants: Arc<Grants>,
    pub settings: HandlerSettings,
    pub kind: For,
    /// How many chained calls its requests are inside of.
    pub depth: usize,
}

impl State {
    /// Starts an instance.
    pub async fn start(&self) -> wasmtime::Result<Instance<HostState, Expiration, Worker>> {
        let mut store = self.engine.store(&self.grants)?;
        store.data_mut().chained(self.depth);
        if self.kind == For::Many {
            store.data_mut().cpu.share();
        }
        let proxy = tokio::time::timeout(self.settings.request_timeout, self.pre.instantiate_async(&mut store))
            .await
            .map_err(|_| wasmtime::format_err!("the component did not start in time"))??;
        let (activity, settings) = (Arc::new(Activity::default()), self.settings.clone());
        let (kind, standing) = (self.kind, Arc::new(Standing::default()));
        let worker = Worker { activity, settings, kind, standing, engine: self.engine.clone() };
        Ok(Instance { store, proxy, view: HostState::http, expiration: Expiration::of(&worker), state: worker })
    }
}

impl HandlerState for State {
    type StoreData = HostState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<HostState, Expiration, Worker>> {
        self.start().await
    }
}

/// How an instance stands between requests.
#[derive(Default)]
struct Standing {
    /// It has done all that it was asked.
    at_rest: AtomicBool,
    /// A request of it took too long.
    is_late: AtomicBool,
    /// It was ended when nobody waited for it any more.
    is_dismissed: AtomicBool,
    /// Of whoever asked an instance for one: what goes on behind an answer counts as work.
    place: Mutex<Option<Place>>,
}

impl Standing {
    fn begin_work(&self, place: Option<Place>) {
        self.at_rest.store(false, Ordering::Relaxed);
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Whether it had not begun before.
    fn begin_rest(&self) -> bool {
        let begins = !self.at_rest.swap(true, Ordering::Relaxed);
        if begins {
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        begins
    }
}

/// See [`WorkerState`].
pub(super) struct Worker {
    activity: Arc<Activity>,
    settings: HandlerSettings,
    kind: For,
    standing: Arc<Standing>,
    engine: EdgeEngine,
}

impl Worker {
    fn has_room(&self, concurrent: usize, total: usize) -> bool {
        match self.kind {
            For::One => concurrent == 0 && (total == 0 || self.standing.at_rest.load(Ordering::Relaxed)),
            For::Many => concurrent < self.settings.concurrent,
        }
    }
}

impl WorkerState for Worker {
    type StoreData = HostState;
    type RequestData = Work;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.settings.reuse || (total > 0 && self.engine.is_crowded()) {
            ShouldAccept::Never
        } else if self.has_room(concurrent, total) {
            ShouldAccept::Yes
        } else {
            ShouldAccept::No
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, HostState>,
        work: Work,
        task: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let Work { progress, place, traceparent } = work;
        if self.kind == For::One {
            self.activity.clear();
        }
        self.activity.add(&progress);
        store.data_mut().cpu.begin();
        store.data_mut().asked.begin(task, traceparent);
        let (until_rest, until_answer) = match self.kind {
            For::One => (Some(place), None),
            For::Many => (None, Some(place)),
        };
        self.standing.begin_work(until_rest);
        let standing = self.standing.clone();
        let (pause, whole) = (self.settings.request_timeout, self.settings.request_deadline);
        Box::pin(async move {
            let _place = until_answer;
            loop {
                let expires = progress.expires(pause, whole);
                if Instant::now() >= expires {
                    standing.is_late.store(true, Ordering::Relaxed);
                    return;
                }
                tokio::time::sleep_until(expires.into()).await;
            }
        })
    }

    fn drop(&self, store: Store<HostState>, result: wasmtime::Result<()>) {
        let Err(error) = result else { return };
        // Before the store goes, and with it the other end of every body.
        self.activity.break_off();
        let grants = &store.data().grants;
        let component = &*grants.component;
        if self.standing.is_dismissed.load(Ordering::Relaxed) {
            tracing::warn!(component, "an instance was ended that went on after its requests");
            return;
        }
        if self.kind == For::Many && error.is::<OutOfTime>() {
            tracing::info!(
                component,
                "a request computes for long: it and those beside it are asked again, each alone"
            );
            return;
        }
        if error.is::<OutOfTime>() {
            grants.usage.exceeded_cpu();
        }
        grants.usage.trapped();
        tracing::error!(component, error = format!("{error:?}"), "component trapped");
    }
}

/// When an instance is to go, as seen from outside: it is also heard when the guest keeps its thread busy.
pub(super) struct Expiration {
    activity: Arc<Activity>,
    settings: HandlerSettings,
    kind: For,
    standing: Arc<Standing>,
    timer: Pin<Box<Sleep>>,
}

impl Expiration {
    fn of(worker: &Worker) -> Self {
        let timer = Box::pin(tokio::time::sleep(worker.settings.idle));
        let (activity, settings) = (worker.activity.clone(), worker.settings.clone());
        Self { activity, settings, kind: worker.kind, standing: worker.standing.clone(), timer }
    }

    fn deadline(&self, status: WorkerStatus, start: Instant) -> Instant {
        let settings = &self.settings;
        match status {
            WorkerStatus::Idle => start + settings.idle,
            // Nobody waits for what missed its time, and answers of many are whole: what goes on is for nobody.
            WorkerStatus::PostReturn if self.standing.is_late.load(Ordering::Relaxed) => start + GRACE,
            WorkerStatus::PostReturn if self.kind == For::Many => start + settings.idle,
            WorkerStatus::PostReturn => start + settings.body_deadline,
            WorkerStatus::Requests => {
                let expires = self.activity.expires(settings.request_timeout, settings.request_deadline);
                expires.unwrap_or(start + settings.request_timeout) + GRACE
            }
        }
    }
}

impl WorkerExpiration for Expiration {
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        // Asked for a request only now: before, its guest was still at the last one.
        if status == WorkerStatus::Idle && self.kind == For::One && self.standing.begin_rest() {
            cx.waker().wake_by_ref();
        }
        loop {
            let deadline = self.deadline(status, start).into();
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
            if self.deadline(status, start) <= Instant::now() {
                self.standing.is_dismissed.store(status == WorkerStatus::PostReturn, Ordering::Relaxed);
                return Poll::Ready(());
            }
        }
    }
}
