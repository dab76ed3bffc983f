//! Every stream that is a connection's first request carried by a reactor, as it is in the product.

#![allow(clippy::duplicate_mod, reason = "the same tests over another carrier")]

use super::client;

#[path = "../connect.rs"]
mod connect;
#[path = "../drain.rs"]
mod drain;
#[path = "../gap.rs"]
mod gap;
#[path = "../limits.rs"]
mod limits;
#[path = "../no_job.rs"]
mod no_job;
#[path = "../refuse.rs"]
mod refuse;
#[path = "../replay.rs"]
mod replay;
#[path = "../reset.rs"]
mod reset;
#[path = "../slow.rs"]
mod slow;

mod handover;
mod intake;
mod memory;
mod stuck;

mod world {
    pub use crate::world::{plain, task};
    pub type World = crate::world::World<2>;
}
