//! Child processes that never outlive a test, redis-server among them. Every crate's tests start theirs here; nothing but
//! the standard library is needed, so that a crate's own tests do not pull the product in.

mod process;
mod redis_server;

pub use process::{Process, program, root};
pub use redis_server::{RedisServer, free_port};
