//! The native runtime host.

pub mod blobs;
pub mod config;
pub mod edge;
pub mod fal;
pub mod ops;
pub mod redis;
pub mod stream;
pub mod worker;
