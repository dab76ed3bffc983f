//! One component's instances, by wasmtime's `ProxyHandler`: an instance serves up to `concurrent_per_instance` requests
//! at a time and `reuse` in all, waits `idle` for more, then makes room.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyHandler, ProxyPre, Request, Response, ShouldAccept, WorkerExpiration, WorkerState,
    WorkerStatus,
};

use super::admission::{Admission, Place};
use super::progress::{Activity, Progress};
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::engine::EdgeEngine;

/// How long a guest that keeps its thread busy is left alone after its request expired.
const GRACE: Duration = Duration::from_millis(100);

/// How long after a trap every request has an instance to itself: one that traps again takes nobody along.
const APART: Duration = Duration::from_secs(10);

/// How the instances of one component are used.
#[derive(Clone)]
pub(crate) struct HandlerSettings {
    pub request_timeout: Duration,
    pub request_deadline: Duration,
    pub body_deadline: Duration,
    /// The largest body of a request, bytes.
    pub max_body: Option<u64>,
    pub idle: Duration,
    pub reuse: usize,
    pub concurrent: usize,
}

/// One component, ready to answer.
pub(crate) struct ComponentHandler {
    pub grants: Arc<Grants>,
    pub admission: Admission,
    pub settings: HandlerSettings,
    proxy: ProxyHandler<State>,
    /// The same for requests that are one chained call deeper, made when there is one.
    deeper: OnceLock<Box<ComponentHandler>>,
}

impl ComponentHandler {
    pub fn new(
        engine: EdgeEngine,
        pre: ProxyPre<HostState>,
        grants: Arc<Grants>,
        admission: Admission,
        settings: HandlerSettings,
    ) -> Self {
        // A call of wasi:http 0.2 holds its whole instance, and what such a component keeps is not meant to outlive a request.
        let settings = match pre {
            ProxyPre::P2(_) => HandlerSettings { reuse: 1, concurrent: 1, ..settings },
            ProxyPre::P3(_) => settings,
        };
        let pre = Arc::new(pre);
        Self::of(State { engine, pre, grants, settings, apart: Arc::default(), depth: 0 }, admission)
    }

    fn of(state: State, admission: Admission) -> Self {
        let (grants, settings) = (state.grants.clone(), state.settings.clone());
        Self { grants, admission, settings, proxy: ProxyHandler::new(state), deeper: OnceLock::new() }
    }

    /// Whoever answers requests that are so many chained calls deep.
    pub(super) fn at(&self, depth: usize) -> &Self {
        let mut handler = self;
        while handler.proxy.state().depth < depth {
            handler = handler.deeper.get_or_init(|| {
                let state = handler.proxy.state();
                Box::new(Self::of(state.deeper(), handler.admission.clone()))
            });
        }
        handler
    }

    /// Starts one instance and lets it go again: what only shows then shows before anybody asks.
    pub async fn warm(&self) -> wasmtime::Result<()> {
        self.proxy.state().instantiate().await.map(drop)
    }

    /// Hands one request to an instance. `place` is held until the component has answered or given up.
    pub(super) async fn handle(
        &self,
        request: Request,
        progress: Arc<Progress>,
        place: Place,
    ) -> wasmtime::Result<Response> {
        self.proxy.handle(Work { progress, _place: place }, request).await
    }
}

/// What goes with a request to its instance.
pub(crate) struct Work {
    progress: Arc<Progress>,
    _place: Place,
}

struct State {
    engine: EdgeEngine,
    pre: Arc<ProxyPre<HostState>>,
    grants: Arc<Grants>,
    settings: HandlerSettings,
    apart: Arc<Apart>,
    /// How many chained calls its requests are inside of.
    depth: usize,
}

impl State {
    fn deeper(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            pre: self.pre.clone(),
            grants: self.grants.clone(),
            settings: self.settings.clone(),
            apart: self.apart.clone(),
            depth: self.depth + 1,
        }
    }
}

/// Until when requests do not share instances.
#[derive(Default)]
struct Apart(AtomicU64);

impl Apart {
    fn begin(&self) {
        self.0.store(now_ms() + APART.as_millis() as u64, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        let until = self.0.load(Ordering::Relaxed);
        until != 0 && now_ms() < until
    }
}

/// Milliseconds since the first call: a clock that nobody sets.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

impl HandlerState for State {
    type StoreData = HostState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<HostState, Expiration, Worker>> {
        let mut store = self.engine.store(&self.grants)?;
        store.data_mut().chained(self.depth);
        let proxy = tokio::time::timeout(self.settings.request_timeout, self.pre.instantiate_async(&mut store))
            .await
            .map_err(|_| wasmtime::format_err!("the component did not start in time"))??;
        let activity = Arc::new(Activity::default());
        let settings = self.settings.clone();
        Ok(Instance {
            store,
            proxy,
            view: HostState::http,
            expiration: Expiration::new(activity.clone(), settings.clone()),
            state: Worker { activity, settings, apart: self.apart.clone() },
        })
    }
}

struct Worker {
    activity: Arc<Activity>,
    settings: HandlerSettings,
    apart: Arc<Apart>,
}

impl WorkerState for Worker {
    type StoreData = HostState;
    type RequestData = Work;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.settings.reuse {
            ShouldAccept::Never
        } else if concurrent >= self.settings.concurrent || (concurrent > 0 && self.apart.is_on()) {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, HostState>,
        work: Work,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        let at_a_time = self.activity.add(&work.progress);
        store.data_mut().cpu.begin(at_a_time);
        let (pause, whole) = (self.settings.request_timeout, self.settings.request_deadline);
        Box::pin(async move {
            loop {
                let expires = work.progress.expires(pause, whole);
                if Instant::now() >= expires {
                    return;
                }
                tokio::time::sleep_until(expires.into()).await;
            }
        })
    }

    fn drop(&self, store: Store<HostState>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let grants = &store.data().grants;
            grants.usage.trapped();
            self.apart.begin();
            let component = &*grants.component;
            tracing::error!(component, error = format!("{error:?}"), "component trapped");
        }
    }
}

/// When an instance is to go, as seen from outside: it is also heard when the guest keeps its thread busy.
struct Expiration {
    activity: Arc<Activity>,
    settings: HandlerSettings,
    timer: Pin<Box<Sleep>>,
}

impl Expiration {
    fn new(activity: Arc<Activity>, settings: HandlerSettings) -> Self {
        let timer = Box::pin(tokio::time::sleep(settings.idle));
        Self { activity, settings, timer }
    }

    fn deadline(&self, status: WorkerStatus, start: Instant) -> Instant {
        let settings = &self.settings;
        match status {
            WorkerStatus::Idle => start + settings.idle,
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
        loop {
            let deadline = self.deadline(status, start).into();
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
            if self.deadline(status, start) <= Instant::now() {
                return Poll::Ready(());
            }
        }
    }
}
