//! Redis killed and started again, replaced by a replica that is behind, and full.

use std::time::Duration;

use image2model_tests::Crew;
use image2model_tests::crew::REDIS;
use image2model_tests::proof::prove;
use image2model_tests::proxy::Proxy;
use image2model_tests::redis::Redis;
use rand::Rng;

use crate::scale::{dice, patience, scaled};

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_and_started_again_loses_nothing() {
    let (seed, mut dice) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    crew.until_history_is_known(patience()).await.unwrap();
    for _ in 0..scaled(5, 50) {
        crew.upload(8).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.random_range(100..2_500))).await;
        crew.redis.process().kill();
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..1_500))).await;
        crew.redis.start_again().unwrap();
        serves_again(&crew).await;
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_a_second_behind_takes_over() {
    let (seed, mut dice) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    // Else what waits is not sent before a forgotten request must have ended.
    crew.until_history_is_known(patience()).await.unwrap();
    for _ in 0..scaled(3, 20) {
        let line = Proxy::start(crew.redis.port()).await.unwrap();
        let port = line.port().to_string();
        let replica = Redis::start_with(&[&REDIS[..], &["--replicaof", "127.0.0.1", &port]].concat()).unwrap();
        in_step(&crew.redis, &replica).await;
        crew.upload(12).await.unwrap();
        in_step(&crew.redis, &replica).await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..1_500))).await;
        // What Redis is told from here on is told to nobody else, and dies with it.
        line.hold_up();
        tokio::time::sleep(Duration::from_secs(1)).await;
        crew.redis.process().kill();
        line.lead_to(crew.redis.port());
        let mut connection = replica.connection().await.unwrap();
        ::redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec_async(&mut connection).await.unwrap();
        crew.line.lead_to(replica.port());
        crew.redis = replica;
        serves_again(&crew).await;
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_is_waited_for() {
    let (seed, mut dice) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    let mut connection = crew.redis.connection().await.unwrap();
    let mut limit = async |bytes: &str| {
        ::redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).exec_async(&mut connection).await.unwrap();
    };
    for _ in 0..scaled(5, 50) {
        crew.upload(8).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..1_500))).await;
        limit("1").await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(500..4_000))).await;
        limit("0").await;
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

/// Waits until everything that `primary` has been told by now, `replica` was told too.
pub async fn in_step(primary: &Redis, replica: &Redis) {
    let sent = number(primary, "master_repl_offset").await;
    for _ in 0..600 {
        let told = number(replica, "slave_repl_offset").await;
        // Before it has reached its primary it says 1, and a primary that has had no replica yet 0.
        let follows = replica.is_following().await.unwrap() && told.is_some() && told >= sent;
        // Killed before, it would come back without what it was sent at first.
        if follows && number(replica, "aof_rewrite_in_progress").await == Some(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the replica does not follow");
}

/// A number of what Redis says of itself.
async fn number(redis: &Redis, name: &str) -> Option<u64> {
    let mut connection = redis.connection().await.unwrap();
    let info: String = ::redis::cmd("INFO").query_async(&mut connection).await.unwrap();
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

/// Waits until the service reaches Redis.
pub async fn serves_again(crew: &Crew) {
    let client = crew.client().unwrap();
    for _ in 0..600 {
        if client.get("/api/v1/health/ready").await.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the service is not ready again");
}
