//! One accepted request: what was asked, how far it is, how it ended, and the status object that says so.

use super::{AppPath, Place, Priority, logs::Logs};
use crate::json::set;
use crate::{
    errors::Outcome,
    model::catalogue::Endpoint,
    origin::{Origin, Service},
    scenario::Scenario,
};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// What the caller asked of the platform, from the headers and query of submit.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Must have started this long after submission.
    pub start_deadline: Option<Duration>,
    /// Rank in the queue.
    pub priority: Priority,
    /// Whether input and output are stored beyond the short retention.
    pub store_io: bool,
    /// Where the outcome is delivered.
    pub webhook: Option<url::Url>,
    /// How long output files live.
    pub output_lifetime: Option<Duration>,
}

/// How far a request is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Waiting.
    Queued,
    /// Running.
    Running,
    /// Ended, one way or another.
    Done(Arc<Outcome>),
}

/// One request.
#[derive(Debug)]
pub struct Request {
    /// UUIDv7.
    pub id: String,
    /// The endpoint it was submitted to.
    pub endpoint: &'static Endpoint,
    /// `owner/alias` of it.
    pub app: AppPath,
    /// Id of the key that submitted it; nobody else sees it.
    pub owner: String,
    /// The input, long texts shortened (data URIs).
    pub input: Value,
    /// The image it names.
    pub image_url: Option<String>,
    /// How it behaves.
    pub scenario: Scenario,
    /// How the caller reached us.
    pub origin: Origin,
    /// What the caller asked of the platform.
    pub settings: Settings,
    /// Whether it came by the sync route.
    pub sync: bool,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The same on the monotonic clock.
    pub accepted: Instant,
    /// When the simulated queue lets it through.
    pub ready: Instant,
    phase: watch::Sender<Phase>,
    progress: Mutex<Progress>,
    cancelled: CancellationToken,
    image_sha256: OnceLock<String>,
    vanished: AtomicBool,
}

#[derive(Debug, Default)]
struct Progress {
    place: Option<Arc<Place>>,
    logs: Logs,
    started: Option<(DateTime<Utc>, Instant)>,
    ended: Option<(DateTime<Utc>, Instant)>,
}

/// What a request is made from.
pub struct Draft {
    /// See [`Request::endpoint`].
    pub endpoint: &'static Endpoint,
    /// See [`Request::app`].
    pub app: AppPath,
    /// See [`Request::owner`].
    pub owner: String,
    /// The whole input.
    pub input: Arc<Value>,
    /// See [`Request::origin`].
    pub origin: Origin,
    /// See [`Request::settings`].
    pub settings: Settings,
    /// See [`Request::sync`].
    pub sync: bool,
}

impl Request {
    /// A request that was just accepted; it may start after `wait`.
    pub fn new(draft: Draft, place: Option<Arc<Place>>, wait: Duration) -> Self {
        let image_url = draft.endpoint.image_url(&draft.input).map(shortened);
        let accepted = Instant::now();
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            scenario: image_url.as_deref().and_then(Scenario::of_url).unwrap_or_default(),
            input: shorten(&draft.input),
            image_url,
            endpoint: draft.endpoint,
            app: draft.app,
            owner: draft.owner,
            origin: draft.origin,
            settings: draft.settings,
            sync: draft.sync,
            accepted_at: Utc::now(),
            accepted,
            ready: accepted + wait,
            phase: watch::Sender::new(Phase::Queued),
            progress: Mutex::new(Progress { place, ..Progress::default() }),
            cancelled: CancellationToken::new(),
            image_sha256: OnceLock::new(),
            vanished: AtomicBool::new(false),
        }
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Arc<Outcome>> {
        match &*self.phase.borrow() {
            Phase::Done(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }

    /// Waits for its end.
    pub async fn finished(&self) -> Arc<Outcome> {
        let mut phases = self.phase.subscribe();
        loop {
            if let Phase::Done(outcome) = &*phases.borrow_and_update() {
                return outcome.clone();
            }
            // The sender lives in `self`, so this cannot fail while we are here.
            let _ = phases.changed().await;
        }
    }

    /// When it started and ended.
    pub fn times(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let progress = self.progress.lock();
        (progress.started.map(|(at, _)| at), progress.ended.map(|(at, _)| at))
    }

    /// Its place in the queue, while it has one.
    pub fn place(&self) -> Option<Arc<Place>> {
        self.progress.lock().place.clone()
    }

    /// Asks it to stop.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// Ends when it was asked to stop.
    pub async fn cancellation(&self) {
        self.cancelled.cancelled().await;
    }

    /// Whether it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    /// SHA-256 in hex of the image it was given, once it is known.
    pub fn image_sha256(&self) -> Option<&str> {
        self.image_sha256.get().map(String::as_str)
    }

    /// Notes which image it was given; the first to know says so.
    pub fn know_image(&self, sha256: impl FnOnce() -> String) {
        self.image_sha256.get_or_init(sha256);
    }

    /// Loses its result.
    pub fn vanish(&self) {
        self.vanished.store(true, Ordering::Relaxed);
    }

    /// Moves it to running.
    pub fn start(&self) {
        let mut progress = self.progress.lock();
        progress.place = None;
        progress.started.get_or_insert((Utc::now(), Instant::now()));
        drop(progress);
        self.phase.send_replace(Phase::Running);
    }

    /// Moves it back to the queue, as after a lost runner.
    pub fn requeue(&self) {
        self.phase.send_replace(Phase::Queued);
    }

    /// Ends it.
    pub fn finish(&self, outcome: Outcome) {
        let mut progress = self.progress.lock();
        progress.place = None;
        progress.ended = Some((Utc::now(), Instant::now()));
        drop(progress);
        self.phase.send_replace(Phase::Done(Arc::new(outcome)));
    }

    /// Adds a log line.
    pub fn log(&self, message: &str) {
        self.progress.lock().logs.add(message);
    }

    /// Log lines no older than `window`.
    pub fn logs_within(&self, window: Duration) -> Vec<Value> {
        self.progress.lock().logs.within(window)
    }

    /// Log lines from the `first` on, and how many there are now.
    pub fn logs_since(&self, first: usize) -> (Vec<Value>, usize) {
        let progress = self.progress.lock();
        (progress.logs.since(first), progress.logs.len())
    }

    /// Whether the result is lost or past its retention: an hour, six minutes from 10 KB on, for ever when IO is stored.
    pub fn is_forgotten(&self) -> bool {
        if self.vanished.load(Ordering::Relaxed) || self.scenario == Scenario::Vanished && self.outcome().is_some() {
            return true;
        }
        let (Some(outcome), false) = (self.outcome(), self.settings.store_io) else { return false };
        let minutes = if outcome.body.to_string().len() >= 10 * 1024 { 6 } else { 60 };
        let ended = self.progress.lock().ended;
        ended.is_some_and(|(_, at)| at.elapsed() > Duration::from_secs(minutes * 60))
    }

    /// Requests ahead: those of the same key, and while the simulated queue lasts one more for each `step` of it.
    pub fn position(&self, step: Duration) -> usize {
        let ahead = self.place().map_or(0, |place| place.ahead());
        let left = self.ready.saturating_duration_since(Instant::now()).as_secs_f64();
        ahead + (left / step.as_secs_f64().max(1e-6)).ceil().min(100.0) as usize
    }

    /// The three URLs of later calls.
    pub fn urls(&self) -> [(&'static str, String); 3] {
        let base = format!("{}/{}/requests/{}", self.origin.base(Service::Queue), self.app.as_str(), self.id);
        let urls = [("response_url", base.clone()), ("status_url", format!("{base}/status"))];
        let [response, status] = urls;
        [response, status, ("cancel_url", format!("{base}/cancel"))]
    }

    /// The status object; `logs` as they shall appear, `position` when queued.
    pub fn status(&self, logs: Option<Vec<Value>>, position: usize) -> Value {
        let phase = self.phase();
        let mut status = json!({"request_id": self.id, "logs": logs, "metrics": {}});
        for (name, url) in self.urls() {
            set(&mut status, name, url);
        }
        match phase {
            Phase::Queued => {
                set(&mut status, "status", "IN_QUEUE");
                set(&mut status, "queue_position", position);
            }
            Phase::Running => set(&mut status, "status", "IN_PROGRESS"),
            Phase::Done(outcome) => {
                set(&mut status, "status", "COMPLETED");
                set(&mut status, "metrics", json!({"inference_time": self.inference_time()}));
                if let Some(error) = &outcome.error {
                    set(&mut status, "error", error.as_str());
                }
                if let Some(error_type) = outcome.error_type {
                    set(&mut status, "error_type", error_type);
                }
            }
        }
        status
    }

    /// Seconds it ran; `None` when it never started.
    fn inference_time(&self) -> Option<f64> {
        let progress = self.progress.lock();
        let ((_, started), (_, ended)) = (progress.started?, progress.ended?);
        Some(((ended - started).as_secs_f64() * 1000.0).round() / 1000.0)
    }
}

/// Longest text of an input that is kept.
const LONGEST_TEXT: usize = 2_048;

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let head: String = text.chars().take(64).collect();
    format!("{head}… ({} bytes)", text.len())
}

/// The input with long texts cut, so that data URIs are not kept in memory.
fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) => shortened(text).into(),
        Value::Array(items) => items.iter().map(shorten).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shorten(value))).collect(),
        other => other.clone(),
    }
}
