//! Every stream in the hands of the HTTP server: the carrier of what cannot be taken over.

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

mod world {
    pub use crate::world::{plain, task};
    pub type World = crate::world::World<0>;
}
