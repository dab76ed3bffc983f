//! Components and Redis: what they may send, where to, and what happens when it is away.

use std::time::{Duration, Instant};

use image2model_processes::RedisServer;

use crate::harness::{App, Host};

async fn host(address: &str) -> Host {
    let more = format!("allowed_outbound_hosts = [{address:?}]\nvariables = {{ redis_url = {address:?} }}");
    App::new().route("/...", "redis", &more).start().await
}

/// Asks until Redis answers.
async fn ready(host: &Host) {
    for _ in 0..200 {
        if host.get("/PING").await.text() == "status PONG" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("Redis never answered");
}

#[tokio::test]
async fn commands_go_through_and_come_back_flat() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = host(&redis.url()).await;
    ready(&host).await;
    assert_eq!(host.get("/SET/a/1").await.text(), "status OK");
    assert_eq!(host.get("/get/a").await.text(), "Some(\"1\")");
    assert_eq!(host.get("/get/none").await.text(), "None");
    assert_eq!(host.get("/INCRBY/a/41").await.text(), "42");
    assert_eq!(host.get("/MGET/a/none/a").await.text(), "42 nil 42");
    assert!(host.get("/LPUSH/a/x").await.text().contains("TypeError"));
    let script = host.get("/EVAL/return%20{err='NOPE'}/0").await.text();
    assert!(script.starts_with("error") || script.contains("ERR"), "{script}");
}

#[tokio::test]
async fn only_allowed_addresses_and_harmless_commands() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = host(&redis.url()).await;
    ready(&host).await;
    let other = host.get(&format!("/PING?redis://localhost:{}", redis.port())).await.text();
    assert!(other.contains("InvalidAddress"), "{other}");
    for command in [
        "/BLPOP/q/0",
        "/blmpop/0/1/q/LEFT",
        "/SUBSCRIBE/c",
        "/monitor",
        "/WAIT/1/0",
        "/MULTI",
        "/XREAD/BLOCK/0/STREAMS/s/$",
        "/XREADGROUP/GROUP/STREAMS/me/BLOCK/0/STREAMS/s/0",
        "/SELECT/1",
        "/client/pause/1000",
        "/script/debug/yes",
    ] {
        let answer = host.get(command).await.text();
        assert!(answer.contains("share"), "{command}: {answer}");
    }
    // Within a script Redis sees to it: a blocking command is refused or does not wait, by its version; one that changes the
    // connection is refused.
    let started = Instant::now();
    let script = |call: &str| format!("/EVAL/return(redis.call({call}))/0");
    for call in ["'BLPOP','q',0", "'XREAD','BLOCK',0,'STREAMS','s','$'"] {
        let answer = host.get(&script(call)).await.text();
        assert!(answer == "nil" || answer.contains("not allowed"), "{call}: {answer}");
    }
    for call in ["'SUBSCRIBE','c'", "'MONITOR'", "'CLIENT','PAUSE','1000'", "'MULTI'"] {
        let answer = host.get(&script(call)).await.text();
        assert!(answer.starts_with("error"), "{call}: {answer}");
    }
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(host.get("/PING").await.text(), "status PONG");
}

/// As for HTTP: what a wildcard lets through is the Internet and not this machine, whatever a name says.
#[tokio::test]
async fn a_wildcard_does_not_lead_back_in() {
    let redis = RedisServer::start(&[]).unwrap();
    let address = redis.url();
    let more = format!("allowed_outbound_hosts = [\"redis://*:*\"]\nvariables = {{ redis_url = {address:?} }}");
    let host = App::new().route("/...", "redis", &more).start().await;
    for name in ["127.0.0.1", "localhost", "[::1]", "[::ffff:10.0.0.1]", "2130706433"] {
        let denied = host.get(&format!("/PING?redis://{name}:{}", redis.port())).await.text();
        assert!(denied.contains("InvalidAddress"), "{name}: {denied}");
    }
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_soon_and_is_found_again() {
    let mut redis = RedisServer::start(&[]).unwrap();
    let host = host(&redis.url()).await;
    ready(&host).await;
    redis.process().kill();
    let started = Instant::now();
    let away = host.get("/PING").await.text();
    assert!(away.starts_with("error"), "{away}");
    assert!(started.elapsed() < Duration::from_secs(10), "it hung");
    redis.start_again().unwrap();
    ready(&host).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_given_up() {
    let mut redis = RedisServer::start(&[]).unwrap();
    let host = host(&redis.url()).await;
    ready(&host).await;
    redis.process().signal("STOP").unwrap();
    let frozen = host.get("/PING").await.text();
    assert!(frozen.contains("in time"), "{frozen}");
    redis.process().signal("CONT").unwrap();
    ready(&host).await;
}
