//! The native runtime host.

pub mod edge;
pub mod redis;
