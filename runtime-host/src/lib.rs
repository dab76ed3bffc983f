//! The native runtime host: what components cannot hold open.
//!
//! One room a module: `edge` serves the Spin application, `worker` makes models at FAL.AI through `fal`, `stream` fans events
//! out, `blobs` keeps the bytes, `webhooks` tells the owners of jobs, `redis` reaches the state, `intake` lets
//! connections in for `edge` and `stream`, `trace` records spans, `otlp` sends them and what is counted, `busy_poll` keeps a thread awake for `edge` and `redis`. Which
//! room may import which is in `docs/architecture.md` (`tests/rules` holds them to it); the program (`main.rs`, `cli`) wires them.

pub mod allocator;
pub mod blobs;
pub mod busy_poll;
mod causes;
pub mod config;
mod crash;
pub mod edge;
pub mod fal;
pub mod intake;
pub mod ops;
pub mod otlp;
mod outgoing;
pub mod redis;
pub mod stream;
pub mod trace;
pub mod webhooks;
#[cfg(test)]
mod woken;
pub mod worker;
