//! Components and Redis: what they may send, where to, and what happens when it is away.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use image2model_domain::Keyspace;
use image2model_host::edge::KeyValue;
use image2model_processes::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{App, Host};

async fn host(address: &str) -> Host {
    let more = format!("allowed_outbound_hosts = [{address:?}]\nvariables = {{ redis_url = {address:?} }}");
    App::new().route("/...", "redis", &more).start().await
}

/// Asks until Redis answers.
async fn ready(host: &Host) {
    until(host, "/PING", "status PONG").await;
}

/// Asks until this is in the answer.
async fn until(host: &Host, path: &str, wanted: &str) {
    let mut last = String::new();
    for _ in 0..200 {
        last = host.get(path).await.text();
        if last.contains(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("Redis never answered; the last answer was {last}");
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

/// The connection is everybody's: what one component asks for is not kept for it until all of it is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_not_read() {
    let redis = RedisServer::start(&[]).unwrap();
    let host = host(&redis.url()).await;
    ready(&host).await;
    let offset = (200 << 20) - 1;
    assert_eq!(host.get(&format!("/SETRANGE/large/{offset}/x")).await.text(), (200 << 20).to_string());
    for command in ["/get/large", "/GET/large", "/MGET/large/large"] {
        let answer = host.get(command).await.text();
        assert!(answer.contains("too large"), "{command}: {answer}");
        ready(&host).await;
    }
    let info = host.get("/INFO/stats").await.text();
    let sent = info.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    assert!(sent.trim().parse::<usize>().unwrap() < 100 << 20, "{sent} bytes were sent");
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
async fn whatever_is_allowed_an_address_is_one_of_redis() {
    let more = "allowed_outbound_hosts = [\"*://*:*\", \"*://localhost:*\"]";
    let host = App::new().route("/...", "redis", more).start().await;
    for scheme in ["unix", "redis+unix", "valkey", "http"] {
        let denied = host.get(&format!("/PING?{scheme}://localhost:1/tmp/redis.sock")).await.text();
        assert!(denied.contains("InvalidAddress"), "{scheme}: {denied}");
    }
}

/// A Redis that says of every key that it is at this port, whose cluster that is, too. Answers where it listens.
async fn says_moved_to(port: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let nodes = format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n");
    let answer = move |name: &str| match name {
        "CLUSTER" => nodes.clone(),
        "CLIENT" => "+OK\r\n".to_owned(),
        _ => format!("-MOVED 1 127.0.0.1:{port}\r\n"),
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answers(stream, answer.clone()));
        }
    });
    address
}

/// Answers every command by its name.
async fn answers(stream: TcpStream, answer: impl Fn(&str) -> String) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    loop {
        let words: usize = lines.next_line().await.ok()??.strip_prefix('*')?.parse().ok()?;
        let mut command = Vec::new();
        for _ in 0..words {
            // Its length, which the line has, too.
            lines.next_line().await.ok()??;
            command.push(lines.next_line().await.ok()??);
        }
        write.write_all(answer(command.first()?).as_bytes()).await.ok()?;
    }
}

/// As with Spin, which follows nobody: a Redis that a component's author has chosen leads to no other.
#[tokio::test]
async fn a_redis_sends_a_component_only_where_it_may_go() {
    let redis = RedisServer::start(&[]).unwrap();
    let sends = format!("redis://{}", says_moved_to(redis.port()).await);
    let more = |allowed: &str| format!("allowed_outbound_hosts = [{allowed}]\nvariables = {{ redis_url = {sends:?} }}");
    let there = redis.url();

    let host = App::new().route("/...", "redis", &more(&format!("{sends:?}"))).start().await;
    for _ in 0..3 {
        let moved = host.get("/PING").await.text();
        assert!(moved.contains("MOVED 1 127.0.0.1"), "{moved}");
    }
    drop(host);
    // Another component that may go there does not take this one along.
    let also = format!("{}\n", more(&format!("{sends:?}, {there:?}")));
    let route = "[[trigger.http]]\nroute = \"/also/...\"\ncomponent = \"also\"\n";
    let app = App::new().route("/...", "redis", &more(&format!("{sends:?}")));
    let host = app.component("also", "redis", &also).more(route).start().await;
    until(&host, "/also/PING", "unknown command").await;
    let moved = host.get("/PING").await.text();
    assert!(moved.contains("MOVED"), "{moved}");
    drop(host);
    // The service's own Redis is the operator's word.
    let mut app = App::new().route("/...", "redis", &more(&format!("{sends:?}")));
    app.key_value = Some(KeyValue { redis_url: sends.clone().into(), keys: Keyspace::with_prefix("{t}:").unwrap() });
    ready(&app.start().await).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn components_of_older_sdks_reach_the_same() {
    let redis = RedisServer::start(&[]).unwrap();
    let address = redis.url();
    let more = format!("allowed_outbound_hosts = [{address:?}]\nvariables = {{ redis_url = {address:?} }}");
    let host = App::new().route("/...", "http02", &more).start().await;
    until(&host, "/redis/SET/a/1", "Status(\"OK\")").await;
    assert_eq!(host.get("/redis/get/a").await.text(), "Ok(Some(Ok(\"1\")))");
    assert!(host.get("/redis/INCRBY/a/41").await.text().contains("Int64(42)"));
    assert!(host.get("/redis/BLPOP/q/0").await.text().contains("share"));
    assert_eq!(host.get("/variable/redis_url").await.text(), format!("Ok({address:?})"));
    assert!(host.get("/variable/none").await.text().contains("Undefined"));
    assert!(host.get("/variable/No-Name").await.text().contains("InvalidName"));
    drop(host);
    let host = App::new().route("/...", "http02", &format!("variables = {{ redis_url = {address:?} }}")).start().await;
    assert!(host.get("/redis/PING").await.text().contains("InvalidAddress"));
}

#[tokio::test(flavor = "multi_thread")]
async fn key_value_stores_are_in_redis_and_only_those_that_are_named() {
    let redis = RedisServer::start(&[]).unwrap();
    let more = "key_value_stores = [\"default\", \"of_others\"]";
    let mut app = App::new().route("/...", "redis", more);
    app.key_value = Some(KeyValue { redis_url: redis.url().into(), keys: Keyspace::with_prefix("{t}:").unwrap() });
    let host = app.start().await;
    until(&host, "/store/default/set/a/1", "Ok(())").await;
    let get = async |path: &str| host.get(path).await.text();
    assert_eq!(get("/store/default/get/a").await, "Ok(Some(Ok(\"1\")))");
    assert_eq!(get("/store/default/get/b").await, "Ok(None)");
    assert_eq!(get("/store/of_others/exists/a").await, "Ok(false)");
    assert_eq!(get("/store/default/keys").await, "Ok([\"a\"])");
    let large = get("/store/default/large/b").await;
    assert!(large.contains("larger than"), "{large}");
    let long = get(&format!("/store/default/set/{}/1", "k".repeat(1025))).await;
    assert!(long.contains("longer than"), "{long}");
    assert!(get("/store/elsewhere/get/a").await.contains("AccessDenied"));
    let store = image2model_host::redis::Store::open(&redis.url()).unwrap();
    let kept: Option<String> = store.query(redis::cmd("HGET").arg("{t}:key_value:default").arg("a")).await.unwrap();
    assert_eq!(kept.as_deref(), Some("1"));
    let mut put = redis::cmd("HSET");
    (0..1000).fold(put.arg("{t}:key_value:default"), |put, key| put.arg(format!("key {key}")).arg("1"));
    let added: i64 = store.query(&put).await.unwrap();
    let listed = get("/store/default/keys").await;
    assert_eq!((added, listed.matches("\"key ").count(), listed.contains("\"key 999\"")), (1000, 1000, true));
    assert_eq!(get("/store/default/delete/a").await, "Ok(())");
    assert_eq!(get("/store/default/exists/a").await, "Ok(false)");
    drop(host);
    let host = App::new().route("/...", "redis", more).start().await;
    assert!(host.get("/store/default/get/a").await.text().contains("NoSuchStore"));
}
