//! Several host processes on one Redis, as an operator runs them who has outgrown one: each on a free port of its own.
//!
//! The first host runs everything (`up`: worker and simulator too); more are added with `serve`, each with settings of its own
//! where a test wants to compare. All share one data folder, as they would share a volume.

use anyhow::Context;

use crate::client::Client;
use crate::process::Process;
use crate::product::{Setup, launch};
use crate::redis::Redis;

/// How to start a fleet.
pub struct FleetSetup(Setup);

impl FleetSetup {
    /// Sets an environment variable of every host.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        Self(self.0.with(name, value))
    }

    /// Starts Redis and the first host.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub fn start(self) -> anyhow::Result<Fleet> {
        let (redis, data) = (Redis::start()?, tempfile::tempdir()?);
        let setup = self.0.with("REDIS_URL", redis.url());
        let mut fleet = Fleet { hosts: Vec::new(), environment: setup.environment, data, redis };
        fleet.add("up", &[])?;
        Ok(fleet)
    }
}

/// Running hosts on one Redis.
pub struct Fleet {
    hosts: Vec<Host>,
    environment: Vec<(String, String)>,
    data: tempfile::TempDir,
    redis: Redis,
}

/// One process of a fleet.
pub struct Host {
    process: Process,
    url: String,
}

impl Host {
    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of this host, with or without a key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn client(&self, key: Option<&str>) -> anyhow::Result<Client> {
        Client::new(&self.url, key)
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Fleet {
    /// With limits so high that tests do not meet them, and secrets that all hosts share.
    #[must_use]
    pub fn setup() -> FleetSetup {
        let setup = crate::Product::setup()
            .with("TOKEN_SECRET", "the-token-secret-of-the-fleet")
            .with("BLOB_TOKEN", "the-blob-token-of-the-fleet")
            // Where the simulator keeps results: hosts that only serve do not know of it.
            .with("FAL_RESULT_HOSTS", "127.0.0.1");
        FleetSetup(setup)
    }

    /// Adds hosts that serve the application and nothing else.
    ///
    /// # Errors
    /// When one does not become ready.
    pub fn add_serving(&mut self, count: usize) -> anyhow::Result<()> {
        (0..count).try_for_each(|_| self.add("serve", &[]))
    }

    /// Adds one host: a part of the program (`serve`, `up`) with these variables on top of the fleet's.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn add(&mut self, part: &str, more: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut environment = self.environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let (process, url) = launch(part, &environment, self.data.path(), "127.0.0.1:0")?;
        self.hosts.push(Host { process, url });
        Ok(())
    }

    /// All hosts, the one that runs everything first.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// One host, to look at its process.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn host(&mut self, number: usize) -> anyhow::Result<&mut Host> {
        self.hosts.get_mut(number).context("there are not so many hosts")
    }

    /// One client for each host.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn clients(&self, key: Option<&str>) -> anyhow::Result<Vec<Client>> {
        self.hosts.iter().map(|host| host.client(key)).collect()
    }

    /// The Redis that all share.
    pub fn redis(&mut self) -> &mut Redis {
        &mut self.redis
    }
}
