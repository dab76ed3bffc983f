//! FAL.AI in trouble: every fault at every call once, and all of them at random.

use std::time::{Duration, Instant};

use image2model_tests::Crew;
use image2model_tests::client::text;
use image2model_tests::proof::prove;
use reqwest::Method;
use serde_json::json;

use crate::scale::{dice, patience, scaled};

/// What can happen to a call, but for what only an operator can end: `money` tells of that.
const KINDS: [&str; 14] = [
    "bad-gateway",
    "nginx-unavailable",
    "server-error",
    "server-error-with-id",
    "unavailable-with-id",
    "too-many-requests",
    "not-found",
    "drop",
    "reset",
    "truncated-body",
    "broken-body",
    "slow-body",
    "delay",
    "late",
];
/// Calls that a worker makes for every file, beside its submit.
const CALLS: [&str; 5] = ["initiate", "upload", "status", "result", "download"];
/// A submit, and the looks for one that was not answered.
const DOUBTS: [&str; 2] = ["submit", "history"];
/// Refusals that FAL promises to mean: what it answers so to a submit, it has not accepted.
const REFUSALS: [&str; 2] = ["too-many-requests", "not-found"];
/// What, in place of a result and with the request's id, is how the request has ended: FAL has made and billed nothing then.
const OUTCOMES: [&str; 2] = ["server-error-with-id", "unavailable-with-id"];

/// No image is paid for twice, every file ends; those that FAL answered "not found" may fail.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_call() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    crew.until_history_is_known(patience()).await.unwrap();
    // Those of doubts first, met by many files at a time: in an outage one file alone would meet them one by one.
    for call in DOUBTS {
        arm(&crew, call).await;
    }
    until_all_are_met(&mut crew, false).await;
    for call in CALLS {
        arm(&crew, call).await;
    }
    crew.sim.arm(&json!({ "call": "result", "fault": "vanish" })).await.unwrap();
    until_all_are_met(&mut crew, false).await;
    // Only then those of cancelling: a request that never ends must not meet the others.
    arm(&crew, "cancel").await;
    until_all_are_met(&mut crew, true).await;
    let proof = prove(&mut crew, seed, patience()).await.unwrap();
    assert_eq!(proof.duplicates, 0, "{proof:?}");
    let failed = crew.images() - proof.count("completed") - proof.count("cancelled");
    assert!(failed < 20, "too many for what was armed: {proof:?}");
}

/// Every fault once before the call is handled, and once after, but for those that would be a lie of FAL's.
async fn arm(crew: &Crew, call: &str) {
    for (fault, when) in KINDS.iter().flat_map(|fault| ["before", "after"].map(|when| (*fault, when))) {
        let untrue = (call == "submit" && when == "after" && REFUSALS.contains(&fault))
            || (call == "result" && OUTCOMES.contains(&fault));
        if untrue {
            continue;
        }
        crew.sim.arm(&json!({ "call": call, "fault": fault, "when": when })).await.unwrap();
    }
}

/// More files, or more that are cancelled, until every fault has met a call.
async fn until_all_are_met(crew: &mut Crew, cancelled: bool) {
    let started = Instant::now();
    loop {
        let armed = crew.sim.armed().await.unwrap();
        if armed.is_empty() {
            return;
        }
        assert!(started.elapsed() < patience(), "faults that met no call: {armed:?}");
        if crew.unfinished().await.unwrap() < 20 {
            if cancelled {
                cancel_some(crew).await;
            } else {
                crew.upload(10).await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// One job that runs until it is cancelled, cancelled.
async fn cancel_some(crew: &mut Crew) {
    let job = crew.upload_as(8, "sim-slow").await.unwrap().id.clone();
    let client = crew.client().unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(4)).await;
        let answer = client.request(Method::DELETE, &format!("/api/v1/jobs/{job}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn chaos_at_every_call() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.sim.let_loose(&json!({ "seed": seed, "probability": 0.07 })).await.unwrap();
    crew.staff(2).unwrap();
    crew.upload_many(scaled(40, 1_000)).await.unwrap();
    crew.until_unfinished(0, patience()).await.unwrap();
    crew.sim.disarm().await.unwrap();
    let proof = prove(&mut crew, seed, patience()).await.unwrap();
    proof.all_completed().unwrap();
}

/// The account runs out of money: files wait, nothing fails, and work goes on once it is topped up.
#[tokio::test(flavor = "multi_thread")]
async fn money_runs_out_and_comes_back() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.sim.change(&json!({ "balance": 100 })).await.unwrap();
    crew.staff(2).unwrap();
    crew.upload_many(30).await.unwrap();
    let started = Instant::now();
    loop {
        let settled = crew.sim.submits().await.unwrap().iter().all(|request| text(request, "status") == "COMPLETED");
        if settled && crew.unfinished().await.unwrap() < 30 {
            break;
        }
        assert!(started.elapsed() < patience(), "nothing was made");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    crew.sim.change(&json!({ "top_up": 100_000 })).await.unwrap();
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

/// Refusals that only an operator ends, at every call that carries the key: files wait, and go on when it is good again.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_for_a_while_loses_nothing() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup.with("FAL_PAUSE_SECONDS", "1")).await.unwrap();
    for call in ["initiate", "submit", "status", "result"] {
        for fault in ["unauthorized", "balance"] {
            crew.sim.arm(&json!({ "call": call, "fault": fault, "times": 2 })).await.unwrap();
        }
    }
    crew.staff(2).unwrap();
    let started = Instant::now();
    while !crew.sim.armed().await.unwrap().is_empty() {
        assert!(started.elapsed() < patience(), "faults that met no call: {:?}", crew.sim.armed().await.unwrap());
        if crew.unfinished().await.unwrap() < 10 {
            crew.upload(5).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}
