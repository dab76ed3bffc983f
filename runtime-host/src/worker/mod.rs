//! The FAL.AI worker: claims files, has models made of them, stores the models.
//!
//! A claimed file is driven by one task of its own (`attempt/`) under a lease (`held.rs`). What a task learns is in Redis
//! before it goes on, so any worker can take over at any point; a submit is announced before it is sent and its request
//! id recorded the moment it is known, so that no image is paid for twice.

mod attempt;
mod blobs;
mod breaker;
mod clock;
mod config;
mod cost;
mod end;
mod held;
mod insight;
mod knocks;
mod logs;
mod orphans;
mod presence;
mod progress;
mod provider;
mod run;
mod scans;
mod status;
mod submits;
mod webhook;

pub use blobs::{Blobs, ByteStream};
pub use breaker::BreakerState;
pub use config::{UncertainSubmits, WorkerConfig};
pub use insight::HistoryView;
pub use provider::{Price, Provider, ProviderDescription, ProviderError, ProviderFile, Providers, Role};
pub use run::{Worker, WorkerDeps, makes_work};
pub use status::WorkerStatus;
pub use webhook::{Heard, PATH as FAL_WEBHOOK_PATH, Told};
