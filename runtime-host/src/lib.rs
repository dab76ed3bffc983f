//! The native runtime host.

pub mod edge;
