//! The real scripts on a real Redis, driven by workers that are machines of single steps, with chance deciding who acts next,
//! who is killed or left standing, which answers are lost, what the client wants and when Redis forgets its last writes.
//! Every seed repeats exactly. After each, every promise is checked (`promises.rs`).
//!
//! `INTERLEAVE_SEEDS=20000` plays so many seeds, `INTERLEAVE_SEED=42` one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dice;
mod fal;
mod promises;
mod redis_server;
mod worker;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use redis_server::RedisServer;

/// Seeds of an ordinary run.
const USUAL: u64 = 300;
const THREADS: usize = 2;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn whatever_happens_every_promise_is_kept() {
    let (first, end) = match number("INTERLEAVE_SEED") {
        Some(seed) => (seed, seed + 1),
        None => (0, number("INTERLEAVE_SEEDS").unwrap_or(USUAL)),
    };
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut redis = RedisServer::start();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    world::play(seed, &mut redis);
                }
            });
        }
    });
}
