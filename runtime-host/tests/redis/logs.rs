//! The log store's scripts over a real server: appending, rotating, trimming, letting go of what is too old.

use image2model_domain::commands::{AppendLog, ExpireLogs, RotateLog, TrimLog};
use image2model_domain::log::{FIELD, LogKind, LogLevel};
use image2model_host::redis::{ChildRedis, Store};

const KIND: LogKind = LogKind::App;

async fn start(dir: &std::path::Path) -> (ChildRedis, Store) {
    let child = ChildRedis::start(dir).await.unwrap();
    let store = Store::open(&child.url()).unwrap();
    (child, store)
}

/// Entries that arrived at these times.
async fn add(store: &Store, times: impl Iterator<Item = u64>) {
    let mut pipeline = redis::pipe();
    for time in times {
        pipeline.cmd("XADD").arg(store.keys().log(KIND)).arg(format!("{time}-0")).arg(FIELD).arg("{}").ignore();
    }
    store.pipeline(&pipeline).await.unwrap();
}

async fn count(store: &Store, key: &str) -> u64 {
    store.query(redis::cmd("XLEN").arg(key)).await.unwrap()
}

async fn generations(store: &Store) -> Vec<String> {
    store.query(redis::cmd("ZRANGE").arg(store.keys().log_generations(KIND)).arg(0).arg(-1)).await.unwrap()
}

#[tokio::test]
async fn trimming_goes_step_by_step_and_a_dry_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    let key = store.keys().log(KIND);
    add(&store, 1..=25).await;
    let trim = TrimLog { kind: KIND, generation: "", before_ms: 22, most: 10, count_after: None };

    let (mut counted, mut steps, mut after) = (0, 0, Some(String::new()));
    while let Some(id) = after.take() {
        let step = TrimLog { count_after: Some(&id), ..trim };
        let step = store.run(&step).await.unwrap();
        (counted, steps, after) = (counted + step.entries, steps + 1, step.more);
    }
    assert_eq!((counted, steps, count(&store, &key).await), (21, 3, 25));

    let mut removed = 0;
    loop {
        let step = store.run(&trim).await.unwrap();
        assert!(step.entries <= 10);
        removed += step.entries;
        if step.more.is_none() {
            break;
        }
    }
    assert_eq!((removed, count(&store, &key).await), (21, 4));
    child.stop().await;
}

#[tokio::test]
async fn rotation_keeps_the_newest_generations_and_empty_ones_disappear() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    let rotate = RotateLog { kind: KIND, keep: 2 };
    assert_eq!(store.run(&rotate).await.unwrap().generation, "", "there is nothing to rotate");
    let mut dropped = 0;
    for turn in 0..3 {
        add(&store, (turn * 10 + 1)..=(turn * 10 + 5)).await;
        let rotated = store.run(&rotate).await.unwrap();
        assert_eq!(rotated.entries, 5);
        dropped += rotated.dropped;
        // A generation is named by the millisecond.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let kept = generations(&store).await;
    assert_eq!((kept.len(), dropped, count(&store, &store.keys().log(KIND)).await), (2, 1, 0));

    let trim = TrimLog { kind: KIND, generation: &kept[0], before_ms: 1000, most: 10, count_after: None };
    assert_eq!(store.run(&trim).await.unwrap().entries, 5);
    assert_eq!(generations(&store).await, kept[1..]);
    assert_eq!(store.run(&ExpireLogs { before_ms: i64::from(u32::MAX) * 1000 }).await.unwrap(), 5);
    assert!(generations(&store).await.is_empty());
    child.stop().await;
}

#[tokio::test]
async fn an_appended_entry_is_counted_and_the_log_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (child, store) = start(dir.path()).await;
    let append =
        AppendLog { kind: LogKind::Audit, level: LogLevel::Warn, entry: "{}", max_entries: 100, counts_ttl: 60 };
    for _ in 0..450 {
        store.run(&append).await.unwrap();
    }
    let left = count(&store, &store.keys().log(LogKind::Audit)).await;
    assert!((100..=200).contains(&left), "{left}: whole blocks of a hundred are dropped");
    let days: Vec<String> = store.query(redis::cmd("KEYS").arg("logs:day:*")).await.unwrap();
    let mut counted = 0;
    for day in &days {
        let pairs: Vec<(String, u64)> = store.query(redis::cmd("HGETALL").arg(day)).await.unwrap();
        assert!(pairs.iter().all(|(field, _)| field.ends_with(":audit:WARN")), "{pairs:?}");
        counted += pairs.iter().map(|(_, n)| n).sum::<u64>();
    }
    assert_eq!(counted, 450);
    child.stop().await;
}
