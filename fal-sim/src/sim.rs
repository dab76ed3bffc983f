//! What every part of a running simulator shares.

use crate::{
    config::Config, counters::Counters, errors::StartError, faults::Faults, queue::Queue, storage::Storage,
    tokens::Tokens, tuning::Tuning, webhook::Signer,
};
use parking_lot::Mutex;
use std::{future::Future, net::SocketAddr, sync::Arc};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The shared state.
pub struct Sim {
    /// Settings.
    pub config: Config,
    /// Where we listen.
    pub address: SocketAddr,
    /// Files.
    pub storage: Storage,
    /// Requests.
    pub queue: Queue,
    /// What may be changed while it runs.
    pub tuning: Mutex<Tuning>,
    /// Tokens for browsers.
    pub tokens: Tokens,
    /// Disturbances.
    pub faults: Faults,
    /// Counts.
    pub counters: Counters,
    /// Signs webhooks.
    pub signer: Signer,
    /// Fetches images and delivers webhooks.
    pub client: reqwest::Client,
    /// Bounds models made at the same time.
    pub generators: Arc<Semaphore>,
    /// Cancelled when the simulator stops.
    pub stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Sim {
    /// Prepares everything but the listener.
    pub fn new(config: Config, address: SocketAddr) -> Result<Self, StartError> {
        // One provider serves the whole process; whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(StartError::Client)?;
        let keys = config.keys.iter().map(crate::config::ApiKey::id);
        Ok(Self {
            queue: Queue::new(keys, config.concurrency, config.max_requests),
            storage: Storage::open(&config).map_err(StartError::Storage)?,
            generators: Arc::new(Semaphore::new(config.generators)),
            tuning: Mutex::new(Tuning::new(&config)),
            tokens: Tokens::default(),
            faults: Faults::default(),
            counters: Counters::default(),
            signer: Signer::generate(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            address,
            client,
            config,
        })
    }

    /// Runs a task until it ends or the simulator stops.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Stops every task and waits for them.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
