//! What every endpoint component would otherwise repeat, so that an endpoint is a table of routes and their handlers.
//!
//! [`serve`] answers a request from a table made by [`routes!`]: it finds the route, asks the guard, runs the handler, and
//! gives every answer, refusals included, the guard's headers and the request id. [`redis`], [`blobs`] and [`config`] are
//! the three things an endpoint may reach. Instances serve many requests, concurrently; what is kept, is kept per instance.

#[cfg(feature = "endpoint")]
pub mod audit;
#[cfg(feature = "endpoint")]
mod bindings;
#[cfg(feature = "endpoint")]
pub mod blobs;
pub mod clock;
pub mod config;
#[cfg(feature = "endpoint")]
mod context;
pub mod failure;
#[cfg(feature = "endpoint")]
mod guard;
#[cfg(feature = "endpoint")]
pub mod job_list;
#[cfg(feature = "endpoint")]
pub mod jobs;
#[cfg(feature = "endpoint")]
pub mod listing;
pub mod log;
#[cfg(feature = "endpoint")]
mod number;
#[cfg(feature = "endpoint")]
pub mod query;
pub mod redis;
#[cfg(feature = "endpoint")]
pub mod reply;
#[cfg(feature = "endpoint")]
mod request_id;
#[cfg(feature = "endpoint")]
pub mod route;
pub mod scope;
#[cfg(feature = "endpoint")]
mod serve;

pub use failure::Failure;
#[cfg(feature = "endpoint")]
pub use {
    bindings::{Budget, Level, Role},
    context::{BodyStream, Context},
    number::whole,
    reply::Reply,
    route::Route,
    serve::serve,
};

/// 128 random bits from the host, for ids and tokens.
#[must_use]
pub fn random_bits() -> [u8; 16] {
    let bytes = spin_sdk::wasip3::random::random::get_random_bytes(16);
    let mut bits = [0; 16];
    bits.iter_mut().zip(bytes).for_each(|(bit, byte)| *bit = byte);
    bits
}

/// 256 of them, for secrets.
#[must_use]
pub fn random_secret_bits() -> [u8; 32] {
    let mut bits = [0; 32];
    let fresh = random_bits().into_iter().chain(random_bits());
    bits.iter_mut().zip(fresh).for_each(|(bit, byte)| *bit = byte);
    bits
}
