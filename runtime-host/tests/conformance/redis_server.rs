//! Components and Redis: what they may send, where to, and what happens when it is away.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{App, Host};

/// A Redis of the test's own.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(port: u16) -> Self {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server must be installed");
        Self { child, port }
    }

    fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

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
    let redis = Redis::start(free_port());
    let host = host(&redis.address()).await;
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
    let redis = Redis::start(free_port());
    let host = host(&redis.address()).await;
    ready(&host).await;
    let other = host.get(&format!("/PING?redis://localhost:{}", redis.port)).await.text();
    assert!(other.contains("InvalidAddress"), "{other}");
    for command in ["/BLPOP/q/0", "/SUBSCRIBE/c", "/MULTI", "/XREAD/BLOCK/0/STREAMS/s/$", "/SELECT/1"] {
        let answer = host.get(command).await.text();
        assert!(answer.contains("share"), "{command}: {answer}");
    }
    assert_eq!(host.get("/PING").await.text(), "status PONG");
}

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_soon_and_is_found_again() {
    let port = free_port();
    let redis = Redis::start(port);
    let host = host(&redis.address()).await;
    ready(&host).await;
    drop(redis);
    let started = Instant::now();
    let away = host.get("/PING").await.text();
    assert!(away.starts_with("error"), "{away}");
    assert!(started.elapsed() < Duration::from_secs(10), "it hung");
    let _again = Redis::start(port);
    ready(&host).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_given_up() {
    let redis = Redis::start(free_port());
    let host = host(&redis.address()).await;
    ready(&host).await;
    redis.signal("-STOP");
    let frozen = host.get("/PING").await.text();
    assert!(frozen.contains("in time"), "{frozen}");
    redis.signal("-CONT");
    ready(&host).await;
}
