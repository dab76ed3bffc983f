//! The private Redis and the connections to it, over a real server.

use std::path::Path;
use std::time::Duration;

use image2model_domain::JobId;
use image2model_domain::commands::ReadJob;
use image2model_host::redis::{ChildError, ChildRedis, Store, Tail, TailMessage, check};
use rustix::process::{Pid, Signal, kill_process};

/// Every wait in here ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);

async fn process_id(store: &Store) -> i32 {
    let info: String = store.query(redis::cmd("INFO").arg("server")).await.unwrap();
    info.lines().find_map(|l| l.trim_end().strip_prefix("process_id:")).unwrap().parse().unwrap()
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

async fn set(store: &Store, key: &str, value: &str) {
    let _: () = store.query(redis::cmd("SET").arg(key).arg(value)).await.unwrap();
}

async fn get(store: &Store, key: &str) -> Option<String> {
    store.query(redis::cmd("GET").arg(key)).await.unwrap()
}

async fn until_it_answers(store: &Store) {
    tokio::time::timeout(PATIENCE, async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
}

async fn add_event(store: &Store, job: &JobId, data: &str) {
    let mut command = redis::cmd("XADD");
    command.arg(store.keys().events()).arg("*").arg("job").arg(job.as_str()).arg("id").arg("1-1").arg("data").arg(data);
    let _: String = store.query(&command).await.unwrap();
}

async fn next_data(events: &mut tokio::sync::broadcast::Receiver<TailMessage>) -> String {
    loop {
        match tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            TailMessage::Event(event) => return event.data.clone(),
            TailMessage::Gap | TailMessage::Knock(_) | TailMessage::Revoked(_) => {}
        }
    }
}

async fn start(dir: &Path) -> (ChildRedis, Store) {
    let child = ChildRedis::start(dir).await.unwrap();
    let store = Store::open(&child.url()).unwrap();
    (child, store)
}

#[tokio::test]
async fn it_is_safe_keeps_its_data_and_belongs_to_one_host() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    assert_eq!(check(&store).await.unwrap(), []);
    assert!(matches!(ChildRedis::start(dir.path()).await, Err(ChildError::InUse(_))));

    let without_password = child.url().replace(child.url().split('@').next().unwrap(), "redis://").replace("//@", "//");
    assert!(Store::open(&without_password).unwrap().ping().await.is_err());

    set(&store, "kept", "yes").await;
    child.stop().await;
    assert!(store.ping().await.unwrap_err().is_retryable());

    let (child, store) = start(dir.path()).await;
    assert_eq!(get(&store, "kept").await.as_deref(), Some("yes"));
    child.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_comes_back_and_the_tail_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    let synced: Vec<String> = store.query(redis::cmd("CONFIG").arg("GET").arg("appendfsync")).await.unwrap();
    assert_eq!(synced, ["appendfsync", "always"], "an acknowledged write is in the file before the kill");
    let tail = Tail::start(&store).await.unwrap();
    let mut events = tail.subscribe();
    let job = JobId::from_random([7; 16]);
    add_event(&store, &job, "before").await;
    assert_eq!(next_data(&mut events).await, "before");

    kill(process_id(&store).await);
    until_it_answers(&store).await;
    add_event(&store, &job, "after").await;
    assert_eq!(next_data(&mut events).await, "after");
    child.stop().await;
}

#[tokio::test]
async fn a_script_that_redis_does_not_know_is_sent_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    let job = JobId::from_random([9; 16]);
    for _ in 0..2 {
        assert!(store.run(&ReadJob(&job)).await.unwrap().is_none());
        let _: () = store.query(redis::cmd("SCRIPT").arg("FLUSH")).await.unwrap();
    }
    child.stop().await;
}

#[tokio::test]
async fn a_server_left_over_is_stopped_before_its_files_are_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    set(&store, "kept", "yes").await;
    child.stop().await;
    // What a killed host leaves: its server, running with the same configuration, and no lock.
    let config = dir.path().canonicalize().unwrap().join("redis.conf");
    let mut orphan =
        std::process::Command::new("redis-server").arg(config).stdout(std::process::Stdio::null()).spawn().unwrap();
    until_it_answers(&store).await;
    // The test is the orphan's parent and has to take its exit status for it to disappear.
    let reaper = std::thread::spawn(move || orphan.wait().unwrap());

    let (child, store) = start(dir.path()).await;
    assert!(reaper.join().unwrap().success());
    assert_eq!(get(&store, "kept").await.as_deref(), Some("yes"));
    child.stop().await;
}

#[tokio::test]
async fn a_server_left_over_counts_as_ended_though_nobody_takes_its_exit_status() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    child.stop().await;
    let config = dir.path().canonicalize().unwrap().join("redis.conf");
    let mut orphan =
        std::process::Command::new("redis-server").arg(config).stdout(std::process::Stdio::null()).spawn().unwrap();
    until_it_answers(&store).await;
    // As in a container whose first process reaps nobody: the ended server stays in the table of processes.
    let started = tokio::time::timeout(PATIENCE, ChildRedis::start(dir.path())).await.unwrap();
    orphan.wait().unwrap();
    started.unwrap().stop().await;
}

#[tokio::test]
async fn a_server_dropped_is_killed_and_nobody_starts_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    drop(child);
    let gone = async {
        while store.ping().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    start(dir.path()).await.0.stop().await;
}
