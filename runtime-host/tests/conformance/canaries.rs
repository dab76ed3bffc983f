//! Releases that are tried on some callers: several at a time, and of components that are only called by others.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use image2model_domain::rollout::Outcome;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::faults::usage;
use crate::harness::App;
use crate::swap::{Fleet, GUARDED, another, now_ms, wasm};

/// What each of so many callers is answered.
async fn answers(fleet: &Fleet, path: &str) -> Vec<String> {
    let mut all = Vec::new();
    for caller in 0..20 {
        let request = http::Request::get(fleet.host.url(path)).header("authorization", format!("Bearer {caller}"));
        all.push(fleet.host.send(request.body(Bytes::new()).unwrap()).await.text());
    }
    all
}

/// Waits until some of the callers, and not all, are answered the second of these, and the others the first; each always the
/// same.
async fn some(fleet: &Fleet, path: &str, texts: [&str; 2]) {
    let started = Instant::now();
    loop {
        let all = answers(fleet, path).await;
        let told: BTreeSet<&str> = all.iter().map(String::as_str).collect();
        if told == BTreeSet::from(texts) {
            // It may have begun amidst the first of them.
            let all = answers(fleet, path).await;
            assert_eq!(answers(fleet, path).await, all, "callers were moved");
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{path}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_of_several_components_are_tried_unless_they_meet() {
    let second = "[[trigger.http]]\nroute = \"/second/...\"\ncomponent = \"second\"\n";
    let app = App::new().route("/first/...", "hello", "").more(second).component("second", "hello", "");
    let fleet = Fleet::start(app.route("/", "guarded", GUARDED).component("guard", "guard", "")).await;
    for id in ["hello", "second"] {
        assert_eq!(fleet.serve(id, &wasm("faults"), Some(50)).await.outcome, Outcome::Trying, "{id}");
    }
    some(&fleet, "/first/x", ["hello", "fine"]).await;
    some(&fleet, "/second/x", ["hello", "fine"]).await;
    assert_eq!(fleet.serve("guard", &another(&wasm("guard")), Some(50)).await.outcome, Outcome::Trying);
    let meets = fleet.serve("guarded", &another(&wasm("guarded")), Some(50)).await;
    assert_eq!((meets.outcome, meets.reasons[0].code.as_str()), (Outcome::Refused, "OTHER_CANARY"));
    assert!(meets.reasons[0].message.contains("\"guard\""), "{meets:?}");
    let served = fleet.serve("guarded", &another(&wasm("guarded")), None).await;
    assert_eq!(served.outcome, Outcome::Serving, "{:?}", served.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_call_is_tried_on_some_of_their_callers() {
    let outbound = "allowed_outbound_hosts = [\"http://hidden.spin.internal\"]";
    let hidden = "[[trigger.http]]\nroute = { private = true }\ncomponent = \"hidden\"\n";
    let app = App::new().route("/...", "outbound", outbound).more(hidden).component("hidden", "hello", "");
    let fleet = Fleet::start(app).await;
    assert_eq!(fleet.serve("hidden", &wasm("faults"), Some(50)).await.outcome, Outcome::Trying);
    some(&fleet, "/text?http://hidden.spin.internal/x", ["hello", "fine"]).await;
}

/// Its heads are well; what follows them never comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_whose_answers_break_off_is_given_up() {
    let fleet = Fleet::start(App::new().route("/...", "hello", "")).await;
    assert_eq!(fleet.serve("hello", &wasm("faults"), Some(99)).await.outcome, Outcome::Trying);
    let started = Instant::now();
    while fleet.rollout("hello").await.last.unwrap().outcome == Outcome::Trying {
        assert!(started.elapsed() < Duration::from_secs(20), "it is never given up");
        let mut stream = TcpStream::connect(fleet.host.address).await.unwrap();
        stream.write_all(b"GET /half HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        // It breaks off, or is whole where the old one answers.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let last = fleet.rollout("hello").await.last.unwrap();
    assert_eq!((last.outcome, last.reasons[0].code.as_str()), (Outcome::RolledBackByItself, "CANARY_FAILS"));
    assert!(usage(&fleet.host, "hello").errors >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_kept_as_long_as_some_record_refers_to_it() {
    let app = App::new().route("/...", "hello", "").more("[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n");
    let fleet = Fleet::start(app.component("b", "hello", "")).await;
    let bytes = wasm("faults");
    let tried = fleet.serve("hello", &bytes, Some(50)).await;
    let digest = tried.to.digest.as_str();
    assert!(fleet.is_kept(digest).await);
    assert_eq!(fleet.serve("b", &bytes, Some(50)).await.outcome, Outcome::Trying);
    let back = async |id: &str| fleet.change(id, |rollout| rollout.roll_back("me", now_ms()).unwrap()).await.outcome;
    assert_eq!(back("hello").await, Outcome::RolledBack);
    assert!(fleet.is_kept(digest).await, "the other component is tried with it");
    assert_eq!(back("b").await, Outcome::RolledBack);
    assert!(!fleet.is_kept(digest).await);
    let [one, two, three] = ["hello", "faults", "request"].map(|name| another(&wasm(name)));
    for bytes in [&one, &two, &three] {
        assert_eq!(fleet.serve("hello", bytes, Some(50)).await.outcome, Outcome::Trying);
        fleet.change("hello", |rollout| rollout.promote("me", now_ms()).unwrap()).await;
    }
    let rollout = fleet.rollout("hello").await;
    let (current, previous) = (rollout.current.digest, rollout.previous.unwrap().digest);
    assert!(fleet.is_kept(&current).await && fleet.is_kept(&previous).await);
    let first = format!("sha256:{:x}", Sha256::digest(&one));
    assert!(!fleet.is_kept(&first).await, "nothing goes back to it any more");
}
