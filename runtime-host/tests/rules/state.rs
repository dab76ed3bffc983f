//! Who writes to Redis.

use std::collections::BTreeSet;

use crate::sources::{code, files, root};

/// Commands of Redis that change something.
const WRITES: &str = "SET SETEX SETNX MSET GETDEL APPEND INCR INCRBY DECR DEL UNLINK EXPIRE PEXPIRE PERSIST RENAME COPY HSET \
    HSETNX HMSET HDEL HINCRBY LPUSH RPUSH LPOP RPOP SADD SREM SPOP ZADD ZREM ZINCRBY ZPOPMIN ZREMRANGEBYSCORE XADD XTRIM \
    XDEL PUBLISH FLUSHALL FLUSHDB";

/// Who sends them beside the scripts: none of it is the state of a job.
const WRITERS: [&str; 8] = [
    "runtime-host/src/blobs/housekeeping.rs", // the mark of folders
    "runtime-host/src/blobs/removal.rs",      // blobs that are gone
    "runtime-host/src/edge/capabilities/",    // what components send
    "runtime-host/src/ops/logs/batch.rs",     // log entries
    "runtime-host/src/redis/sign_of_life.rs", // who lives
    "runtime-host/src/redis/tail.rs",         // that there is news
    "runtime-host/src/worker/insight.rs",     // what FAL's history shows
    "runtime-host/src/worker/presence.rs",    // which providers there are
];

#[test]
fn the_state_of_jobs_is_written_by_scripts_alone() {
    let mut known = BTreeSet::new();
    for folder in ["runtime-host/src", "components", "domain/src"] {
        // Tests in a file of their own may put there what they look at.
        let all = files(&root().join(folder), ".rs").into_iter();
        for (path, text) in all.filter(|(path, _)| !path.ends_with("/tests.rs")) {
            let code = code(&text);
            // By its name, or by the function that a pipeline has for it.
            let sent = |write: &str| {
                let typed = write.starts_with(['H', 'Z', 'X']) && code.contains(&format!(".{}(", write.to_lowercase()));
                typed || code.contains(&format!("\"{write}\""))
            };
            if let Some(write) = WRITES.split_whitespace().find(|write| sent(write)) {
                let writer = WRITERS.iter().find(|writer| path.starts_with(**writer));
                known.insert(*writer.unwrap_or_else(|| panic!("{path} sends {write}, which is for a script to do")));
            }
        }
    }
    assert_eq!(known.len(), WRITERS.len(), "somebody does not write any more: {known:?}");
}
