//! The FAL.AI worker: claims files, has models made of them, stores the models.
//!
//! A claimed file is driven by one task of its own (`attempt/`) under a lease (`held.rs`). What a task learns is in Redis
//! before it goes on, so any worker can take over at any point; a submit is announced before it is sent and its request
//! id recorded the moment it is known, so that no image is paid for twice.

mod attempt;
mod blobs;
mod breaker;
mod config;
mod end;
mod held;
mod logs;
mod presence;
mod progress;
mod provider;
mod run;
mod status;

pub use blobs::{Blobs, ByteStream};
pub use breaker::BreakerState;
pub use config::{UncertainSubmits, WorkerConfig};
pub use provider::{Price, Provider, ProviderDescription, ProviderError, ProviderFile, Providers, Role};
pub use run::{Worker, WorkerDeps, makes_work};
pub use status::WorkerStatus;
