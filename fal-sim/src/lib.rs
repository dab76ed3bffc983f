//! A FAL.AI that runs here: queue, storage, CDN, webhooks and faults of the real platform on one loopback address, with
//! real models made out of the images it is given. In process:
//! `Simulator::start(Config::with_key("id:secret")?).await?`, then point a client at [`Running::base_url`].

mod bills;
mod config;
mod counters;
mod errors;
mod faults;
mod image_source;
mod json;
mod model;
mod origin;
mod queue;
mod report;
mod scenario;
mod server;
mod sim;
mod storage;
mod tokens;
mod tuning;
mod webhook;

pub use bills::Bill;
pub use config::{ApiKey, Config, InvalidKey};
pub use counters::Counts;
pub use errors::StartError;
pub use faults::{Armed, Call, Chaos, Kind, RetryAfter, When};
pub use report::RequestReport;
pub use tuning::Tuning;

use sim::Sim;
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};

/// Starts simulators.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Binds the listener and serves in the background until [`Running::shutdown`] or until it is dropped.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        config.validate()?;
        let wanted = config.listen;
        let listening = |source| StartError::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let sim = Arc::new(Sim::new(config, address)?);
        let server = tokio::spawn(server::serve(sim.clone(), listener));
        tracing::info!(%address, "fal-sim is listening");
        Ok(Running { sim, server: Some(server) })
    }
}

/// A simulator at work.
pub struct Running {
    sim: Arc<Sim>,
    server: Option<JoinHandle<()>>,
}

impl Running {
    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.sim.address
    }

    /// `http://ADDR`; FAL's hosts are below it as `/queue`, `/run`, `/rest`, `/cdn` and `/api`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.sim.address)
    }

    /// Every request accepted so far, oldest first.
    pub fn requests(&self) -> Vec<RequestReport> {
        report::requests(&self.sim)
    }

    /// What each image was billed so far.
    pub fn bills(&self) -> Vec<Bill> {
        bills::bills(&self.sim)
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.sim.counters.get()
    }

    /// Arms a fault; false when too many are armed.
    pub fn arm(&self, fault: Armed) -> bool {
        self.sim.faults.arm(fault)
    }

    /// Lets chaos loose, or ends it.
    pub fn set_chaos(&self, chaos: Option<Chaos>) {
        self.sim.faults.set_chaos(chaos);
    }

    /// Changes what may be changed while it runs.
    pub fn tune(&self, change: impl FnOnce(&mut Tuning)) {
        change(&mut self.sim.tuning.lock());
    }

    /// Disarms every fault.
    pub fn disarm(&self) {
        self.sim.faults.disarm();
    }

    /// Stops running requests, lets open calls finish briefly, and closes the listener.
    pub async fn shutdown(mut self) {
        self.sim.stop().await;
        if let Some(server) = self.server.take()
            && let Err(error) = server.await
        {
            tracing::warn!(%error, "the server task failed");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sim.stopping.cancel();
    }
}
