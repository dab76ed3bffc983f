//! Single scripts on a real Redis, by a clock of the tests' own: what one step leaves for the next, where chance
//! (`tests/interleave`) would not look.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod after_a_cancel;
mod clock;
mod deadline;
mod ended;
mod erased;
mod names;
mod pace;
#[path = "../interleave/redis_server.rs"]
#[allow(dead_code, reason = "no server is used twice here")]
mod redis_server;
mod scene;
mod takeover;
