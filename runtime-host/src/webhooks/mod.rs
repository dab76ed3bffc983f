//! Calls the webhooks of jobs that have ended. The scripts note each delivery together with the end itself, so that none is
//! forgotten; here they are called, and called again until the receiver answers 2xx or the attempts are used up.
//!
//! At least once: a delivery is handed out under a lease, and due again when its caller dies. Bounded: so many calls at a
//! time, seconds each, and so many attempts.

mod call;
mod deliver;
mod resolver;
mod schedule;

pub use call::CallError;
pub use deliver::Webhooks;
pub use schedule::Schedule;

use image2model_domain::webhook::AllowedHosts;

/// What bounds the deliveries.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Hosts that may be called without TLS and at private addresses.
    pub allowed_hosts: AllowedHosts,
    /// When a call that failed is made again.
    pub schedule: Schedule,
}
