//! A component whose instances compute for a while before they can be asked: a crowd waits for them, and nobody sees how one
//! came about.

use crate::faults::usage;
use crate::harness::{Answer, App, Host};

async fn beside(limits: &str) -> Host {
    let limits = format!("[component.start.tool.image2model]\n{limits}");
    App::new().route("/...", "start", &limits).route("/hello", "hello", "").start().await
}

/// More than are started as soon as they are wanted.
async fn crowd(host: &Host) -> Vec<Answer> {
    futures::future::join_all((0..24).map(|_| host.get("/"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_for_instances_that_start_slowly() {
    let host = beside("").await;
    let (answers, hello) = tokio::join!(crowd(&host), host.get("/hello"));
    assert!(answers.iter().all(|answer| answer.text() == "started"));
    assert_eq!(hello.text(), "hello");
    let usage = usage(&host, "start");
    assert_eq!((usage.requests, usage.errors, usage.traps, usage.refused), (24, 0, 0, 0));
}

/// How many are answered in two seconds depends on the machine. The others are not told that the component failed.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_too_long_for_a_start_is_told_so() {
    let host = beside("request_timeout_seconds = 2").await;
    let answers = crowd(&host).await;
    let late = answers.iter().filter(|answer| answer.status != 200);
    for answer in late.clone() {
        let said = (answer.status, answer.problem());
        assert!(said == (504, "REQUEST_TIMEOUT".to_owned()) || said == (503, "OVERLOADED".to_owned()), "{said:?}");
        assert_eq!(answer.header("retry-after").is_some(), answer.status == 503);
    }
    let usage = usage(&host, "start");
    assert_eq!((usage.timeouts + usage.refused, usage.traps), (late.count() as u64, 0));
    assert_eq!(host.get("/").await.text(), "started");
}
