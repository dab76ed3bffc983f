//! The log routes: what the hosts and components have logged, read from the log store in Redis.
//!
//! Every answer is bounded, in entries looked at, in time, and in what it lists; one that stopped early says so.

pub(crate) mod analyze;
mod ask;
pub(crate) mod cleanup;
mod counts;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod read;
pub(crate) mod rotate;
pub(crate) mod statistics;
mod store;
pub(crate) mod summary;
pub(crate) mod types;
