//! What must not be lost with the primary, over a real primary and a real replica.

use std::time::Duration;

use image2model_domain::commands::PauseQueue;
use image2model_domain::queue::Queue;
use image2model_host::redis::{RedisError, Replicas, Store};
use image2model_processes::RedisServer;

const QUEUE: Queue = Queue::BatchProcessing;

fn pause(pause: bool) -> PauseQueue {
    PauseQueue { queue: QUEUE, pause }
}

/// Makes it follow the primary, and waits until the primary counts it.
async fn follow(store: &Store, follower: &Store, primary: &RedisServer) {
    let port = primary.url().rsplit_once(':').unwrap().1.to_owned();
    follower.query::<()>(redis::cmd("REPLICAOF").arg("127.0.0.1").arg(port)).await.unwrap();
    let followed = async {
        while store.run_replicated(&pause(true)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), followed).await.expect("the replica never followed");
}

#[tokio::test]
async fn what_no_replica_has_is_not_to_be_acted_on() {
    let (primary, mut replica) = (RedisServer::start(&[]).unwrap(), RedisServer::start(&[]).unwrap());
    // As long as a replica takes to sync where others want the processors too.
    let replicas = Replicas { count: 1, within: Duration::from_secs(2) };
    let store = Store::open(&primary.url()).unwrap().with_replicas(replicas);
    let follower = Store::open(&replica.url()).unwrap();

    let error = store.run_replicated(&pause(true)).await.unwrap_err();
    assert!(
        matches!(error, RedisError::NotReplicated { acknowledged: 0, wanted: 1 }) && error.is_retryable(),
        "{error}"
    );
    let again = store.run(&pause(true)).await.unwrap();
    assert!(again.since.is_some() && !again.changed, "it is done all the same: {again:?}");

    follow(&store, &follower, &primary).await;
    // From now on whoever has the answer finds it on the replica.
    let paused = store.keys().prefix().to_owned() + "queue:paused";
    for pauses in [false, true, false, true] {
        assert!(store.run_replicated(&pause(pauses)).await.unwrap().changed);
        let there: bool = follower.query(redis::cmd("HEXISTS").arg(&paused).arg(QUEUE.as_str())).await.unwrap();
        assert_eq!(there, pauses);
    }

    replica.process().kill();
    let error = store.run_replicated(&pause(false)).await.unwrap_err();
    assert!(matches!(error, RedisError::NotReplicated { acknowledged: 0, wanted: 1 }), "{error}");
    replica.start_again().unwrap();
    follow(&store, &Store::open(&replica.url()).unwrap(), &primary).await;
}

#[tokio::test]
async fn without_replicas_to_wait_for_nobody_waits() {
    let primary = RedisServer::start(&[]).unwrap();
    let store = Store::open(&primary.url()).unwrap();
    assert!(store.run_replicated(&pause(true)).await.unwrap().changed);
}
