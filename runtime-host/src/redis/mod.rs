//! Redis from the host's side: one shared connection for commands, one that follows the events, and the private server.
//!
//! Everything that changes state goes through the scripts of `image2model_domain`; nothing here decides about jobs.

mod check;
mod child;
mod error;
pub mod sign_of_life;
mod store;
mod tail;

pub use check::{Finding, check};
pub use child::{ChildError, ChildRedis};
pub use error::RedisError;
pub use store::Store;
pub use tail::{Tail, TailEvent, TailMessage, knock};
