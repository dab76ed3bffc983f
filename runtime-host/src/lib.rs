//! The native runtime host.
