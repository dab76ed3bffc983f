//! Components are exchanged while they serve: nobody is refused, what does not fit changes nothing, and there is a way back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use image2model_domain::commands::{KeepComponentPiece, NameComponent, ReadRollouts, SetRollout};
use image2model_domain::rollout::{Change, Outcome, Release, Rollout};
use image2model_host::edge::swap::fetch::Logins;
use image2model_host::edge::swap::follow::FollowOptions;
use image2model_host::edge::swap::records::Records;
use image2model_host::redis::Store;
use image2model_processes::RedisServer;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::harness::{App, Host, guest};

/// A host that follows a Redis of its own.
pub struct Fleet {
    pub host: Host,
    pub store: Store,
    redis: RedisServer,
    stop: CancellationToken,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fleet {
    pub async fn start(app: App) -> Self {
        // As the program does when it starts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redis = RedisServer::start(&[]).unwrap();
        let (store, stop) = (Store::open(&redis.url()).unwrap(), CancellationToken::new());
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let host = app.start().await;
        let options = FollowOptions {
            records: Records { store: store.clone(), host: "h".into(), log_entries: 100, log_counts_ttl: 100 },
            key: None,
            logins: Logins::default(),
        };
        let mut follower = host.edge.follower(options).unwrap();
        follower.catch_up().await;
        tokio::spawn(follower.run(stop.clone()));
        Self { host, store, redis, stop }
    }

    pub async fn rollout(&self, id: &str) -> Rollout {
        let read = self.store.run(&ReadRollouts { component: Some(id) }).await.unwrap();
        read.into_iter().next().map(|(_, rollout)| rollout).unwrap_or_default()
    }

    /// Takes a step as the admin component does; answers how the change ended.
    pub async fn change(&self, id: &str, step: impl Fn(&mut Rollout) -> u64) -> Change {
        let name = loop {
            let before = self.rollout(id).await;
            let mut next = before.clone();
            let name = step(&mut next);
            let set = SetRollout { component: id, from: before.revision, rollout: &next };
            if self.store.run(&set).await.unwrap() {
                break name;
            }
        };
        let started = Instant::now();
        loop {
            if let Some(last) = self.rollout(id).await.last.filter(|last| last.change == name) {
                return last;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the change never ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends a component.
    async fn keep(&self, bytes: &[u8]) -> Release {
        let digest = format!("sha256:{:x}", Sha256::digest(bytes));
        let mut offset = 0;
        for piece in bytes.chunks(100_000) {
            self.store.run(&KeepComponentPiece { upload: "u", offset, bytes: piece }).await.unwrap();
            offset += piece.len();
        }
        self.store.run(&NameComponent { upload: "u", digest: &digest }).await.unwrap();
        Release::upload(&digest, None).unwrap()
    }

    /// Sends a component, and serves it: to all, or to some.
    pub async fn serve(&self, id: &str, bytes: &[u8], weight: Option<u32>) -> Change {
        let release = self.keep(bytes).await;
        self.change(id, |rollout| rollout.propose(release.clone(), weight, "me", now_ms()).unwrap()).await
    }

    /// Asks until this is answered.
    async fn until(&self, path: &str, text: &str) {
        let started = Instant::now();
        while self.host.get(path).await.text() != text {
            assert!(started.elapsed() < Duration::from_secs(15), "{path} never answers {text}");
        }
    }

    async fn until_digest(&self, id: &str, digest: &str) {
        let started = Instant::now();
        while self.digest(id) != digest {
            assert!(started.elapsed() < Duration::from_secs(5), "{id} is never {digest}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether the bytes of an upload are kept for good.
    pub async fn is_kept(&self, digest: &str) -> bool {
        let key = format!("{}component:{digest}", self.store.keys().prefix());
        self.store.query::<i64>(redis::cmd("TTL").arg(key)).await.unwrap() == -1
    }

    fn digest(&self, id: &str) -> String {
        self.host.edge.reports().into_iter().find(|report| report.id == id).unwrap().digest
    }
}

pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

pub fn wasm(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).unwrap()
}

/// A component that depends on a guard.
pub const GUARDED: &str = "variables = { api_key = \"k1\" }\n[component.guarded.dependencies]\n\
    \"image2model:guard/guard@1.0.0\" = { component = \"guard\", inherit_configuration = [\"variables\"] }";

/// The same component as other bytes: with a section that nobody reads.
pub fn another(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0, 4, 3, b'n', b'e', b'w']].concat()
}

/// Asks one path over and over on one connection, until told to stop: what was answered, in order. Any failure panics.
async fn asks(url: String, stop: Arc<AtomicBool>) -> Vec<String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build_http();
    let mut answers: Vec<String> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let answer = client.get(url.parse().unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        answers.push(String::from_utf8_lossy(&text).into_owned());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_under_load_fails_no_request_and_a_rollback_is_instant() {
    let fleet = Fleet::start(App::new().route("/...", "hello", "")).await;
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..16).map(|_| tokio::spawn(asks(fleet.host.url("/x"), stop.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let change = fleet.serve("hello", &wasm("faults"), None).await;
    assert_eq!((change.outcome, change.by.as_str()), (Outcome::Serving, "me"));
    fleet.until("/x", "fine").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let back = Instant::now();
    let change = fleet.change("hello", |rollout| rollout.roll_back("me", now_ms()).unwrap()).await;
    assert_eq!((change.outcome, change.to.is_manifest()), (Outcome::RolledBack, true));
    fleet.until("/x", "hello").await;
    assert!(back.elapsed() < Duration::from_secs(1), "a rollback took {:?}", back.elapsed());
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.store(true, Ordering::Relaxed);
    let mut asked = 0;
    for task in load {
        let mut answers = task.await.expect("a request failed");
        asked += answers.len();
        answers.dedup();
        assert_eq!(answers, ["hello", "fine", "hello"], "generations were mixed");
    }
    assert!(asked > 500, "only {asked} requests");
    fleet.change("hello", |rollout| rollout.roll_back("me", now_ms()).unwrap()).await;
    fleet.until("/x", "fine").await;
    let audit: Vec<redis::Value> =
        fleet.store.query(redis::cmd("XRANGE").arg("logs:audit").arg("-").arg("+")).await.unwrap();
    assert_eq!(audit.len(), 1, "a host writes down how the swap ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_changes_nothing_and_says_why() {
    let fleet = Fleet::start(App::new().route("/...", "hello", "")).await;
    for (bytes, word) in [
        (wasm("guard"), "must export wasi:http/handler@0.3.0"),
        (wasm("guarded"), "image2model:guard/guard"),
        (b"rubbish".to_vec(), "not a WebAssembly component"),
    ] {
        let change = fleet.serve("hello", &bytes, None).await;
        let said = format!("{:?}", change.reasons);
        assert!(change.outcome == Outcome::Refused && said.contains(word), "{word}: {change:?}");
    }
    let wrong = Release::upload(&format!("sha256:{}", "0".repeat(64)), None).unwrap();
    let change = fleet.change("hello", |r| r.propose(wrong.clone(), None, "me", now_ms()).unwrap()).await;
    assert_eq!((change.outcome, change.reasons[0].code.as_str()), (Outcome::Failed, "GONE"));
    assert_eq!(fleet.host.get("/x").await.text(), "hello");
    assert!(fleet.rollout("hello").await.current.is_manifest());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_the_same_for_a_caller_and_is_given_up_when_it_fails() {
    let fleet = Fleet::start(App::new().route("/...", "hello", "")).await;
    assert_eq!(fleet.serve("hello", &wasm("faults"), Some(50)).await.outcome, Outcome::Trying);
    let ask = async |path: &str, caller: u32| {
        let request = http::Request::get(fleet.host.url(path)).header("authorization", format!("Bearer {caller}"));
        fleet.host.send(request.body(Bytes::new()).unwrap()).await
    };
    let started = Instant::now();
    let mut first = Vec::new();
    // The host serves the trial a moment after the record says so.
    while !first.iter().any(|text| text == "fine") {
        assert!(started.elapsed() < Duration::from_secs(5), "nobody is served the canary");
        first.clear();
        for caller in 0..20 {
            first.push(ask("/x", caller).await.text());
        }
    }
    assert!(first.iter().any(|text| text == "hello"), "everybody is served the canary");
    for (caller, text) in (0..20).zip(&first) {
        assert_eq!(&ask("/x", caller).await.text(), text, "caller {caller} was moved");
    }
    for caller in 0..40 {
        ask("/trap", caller).await;
    }
    let started = Instant::now();
    let last = loop {
        let last = fleet.rollout("hello").await.last.unwrap();
        if last.outcome != Outcome::Trying {
            break last;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "a canary that fails is served on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((last.outcome, last.reasons[0].code.as_str()), (Outcome::RolledBackByItself, "CANARY_FAILS"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    for caller in 0..20 {
        assert_eq!(ask("/x", caller).await.text(), "hello");
    }
}

/// A host that compiles for long gives no sign of life while Redis is silent, and neither does anybody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_not_heard_because_redis_was_silent_is_waited_for() {
    let mut fleet = Fleet::start(App::new().route("/...", "hello", "")).await;
    let store = fleet.store.clone();
    let lives = async |for_ms: i64| {
        let mut sign = redis::cmd("ZADD");
        sign.arg(store.keys().hosts()).arg(store.now_ms().await.unwrap() + for_ms).arg("other");
        store.query::<i64>(&sign).await.unwrap();
    };
    lives(60_000).await;
    let release = fleet.keep(&wasm("faults")).await;
    let mut next = fleet.rollout("hello").await;
    next.propose(release, None, "me", store.now_ms().await.unwrap()).unwrap();
    assert!(store.run(&SetRollout { component: "hello", from: 0, rollout: &next }).await.unwrap());
    let started = Instant::now();
    while fleet.rollout("hello").await.candidate.unwrap().reports.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(30), "it is never prepared");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lives(1000).await;
    fleet.redis.process().signal("STOP").unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    fleet.redis.process().signal("CONT").unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rollout = fleet.rollout("hello").await;
    assert!(rollout.candidate.is_some() && rollout.last.is_none(), "{rollout:?}");
    assert_eq!(fleet.host.get("/x").await.text(), "hello");
    // It never comes back: nobody is waited for for ever.
    fleet.until("/x", "fine").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_and_what_native_code_asks_are_swapped_the_same_way() {
    let app = App::new().route("/", "guarded", GUARDED).component("guard", "guard", "");
    let fleet = Fleet::start(app.component("provider-test", "provider", "")).await;
    let guard = fleet.host.edge.guard("guarded").unwrap();
    let provider = fleet.host.edge.providers().unwrap()[0].clone();
    let pass = async || {
        let request = http::Request::get(fleet.host.url("/")).header("authorization", "k1").body(Bytes::new()).unwrap();
        assert_eq!(fleet.host.send(request).await.text(), "key:test");
        assert!(guard.check(crate::library::facts("k1")).await.is_ok());
        assert_eq!(provider.describe().await.unwrap().id, "test");
    };
    pass().await;
    for (id, name) in [("guard", "guard"), ("provider-test", "provider")] {
        let before = fleet.digest(id);
        let change = fleet.serve(id, &another(&wasm(name)), None).await;
        assert_eq!(change.outcome, Outcome::Serving, "{id}: {:?}", change.reasons);
        assert_ne!(change.to.digest, before);
        fleet.until_digest(id, &change.to.digest).await;
        pass().await;
    }
    let no_callers = fleet.serve("provider-test", &wasm("provider"), Some(10)).await;
    assert_eq!((no_callers.outcome, no_callers.reasons[0].code.as_str()), (Outcome::Refused, "NO_CALLERS"));
    // A guard that wants more than the endpoint lets it inherit.
    let greedy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/wasm32-wasip2/release/image2model_guard.wasm");
    if let Ok(greedy) = std::fs::read(greedy) {
        let change = fleet.serve("guard", &greedy, None).await;
        let said = format!("{:?}", change.reasons);
        assert!(change.outcome == Outcome::Refused && said.contains("allowed_outbound_hosts"), "{change:?}");
    }
    pass().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_does_not_compose_here_keeps_out_no_other() {
    let app = App::new().route("/", "guarded", GUARDED).component("guard", "guard", "");
    let fleet = Fleet::start(app.route("/hello", "hello", "")).await;
    let before = fleet.digest("guarded");
    // As a fleet has it whose other hosts have another manifest.
    for (id, bytes) in [("guarded", wasm("guard")), ("guard", another(&wasm("guard"))), ("hello", wasm("faults"))] {
        let current = fleet.keep(&bytes).await;
        let rollout = Rollout { current: current.clone(), ..Rollout::default() };
        let set = SetRollout { component: id, from: 0, rollout: &rollout };
        assert!(fleet.store.run(&set).await.unwrap());
        if id != "guarded" {
            fleet.until_digest(id, &current.digest).await;
        }
    }
    fleet.until("/hello", "fine").await;
    assert_eq!(fleet.digest("guarded"), before, "it says that it serves what it does not");
    let request = http::Request::get(fleet.host.url("/")).header("authorization", "k1").body(Bytes::new()).unwrap();
    assert_eq!(fleet.host.send(request).await.text(), "key:test");
    // A change of what lags behind somewhere else is prepared for what is served here.
    let change = fleet.serve("guard", &wasm("guard"), None).await;
    assert_eq!(change.outcome, Outcome::Serving, "{:?}", change.reasons);
    fleet.until_digest("guard", &change.to.digest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_is_taken_when_it_fits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.wasm");
    std::fs::copy(guest("hello"), &file).unwrap();
    let trigger = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"c\"\n";
    let host = App::new().more(trigger).file("c", &file, "").start().await;
    let stop = CancellationToken::new();
    tokio::spawn(host.edge.watcher().run(stop.clone()));
    assert_eq!(host.get("/x").await.text(), "hello");
    std::fs::write(&file, wasm("guard")).unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(host.get("/x").await.text(), "hello", "what does not fit was taken");
    std::fs::write(&file, wasm("faults")).unwrap();
    let started = Instant::now();
    while host.get("/x").await.text() != "fine" {
        assert!(started.elapsed() < Duration::from_secs(30), "the new file is not served");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
}
