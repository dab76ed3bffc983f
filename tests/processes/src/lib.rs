//! Child processes that never outlive a test, redis-server among them, and clients that crowd a server. Every crate's tests
//! have theirs from here; little is needed for it, so that a crate's own tests do not pull the product in.

mod process;
mod redis_server;
pub mod stranger;

pub use process::{Process, program, root};
pub use redis_server::{RedisServer, free_port};
