//! A Redis for tests that need more than one host, or one that they can stop.

use image2model_processes::{Process, RedisServer};

pub use image2model_processes::free_port;

/// A running Redis on a port of its own; its data goes with it.
pub struct Redis(RedisServer);

impl Redis {
    /// Starts one and waits until it may be used.
    ///
    /// # Errors
    /// When there is no Redis (or Valkey) here, or it does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with settings of its own, `--name value`.
    ///
    /// # Errors
    /// When there is no Redis (or Valkey) here, or it does not start.
    pub fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        Ok(Self(RedisServer::start(settings)?))
    }

    /// Starts it again on its port and with its data, after it has ended however it did.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.0.start_again()
    }

    /// For `REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connection(&self) -> anyhow::Result<redis::aio::MultiplexedConnection> {
        Ok(redis::Client::open(self.url())?.get_multiplexed_async_connection().await?)
    }

    /// Whether it is a replica that has all of its primary's data and is sent more.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn is_following(&self) -> anyhow::Result<bool> {
        Ok(self.ask::<String>("INFO replication").await?.contains("master_link_status:up"))
    }

    /// Sends one command, its words between spaces.
    ///
    /// # Errors
    /// When it does not answer, or answers something else.
    pub async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> anyhow::Result<T> {
        let mut words = command.split(' ');
        let mut sent = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            sent.arg(word);
        });
        Ok(sent.query_async(&mut self.connection().await?).await?)
    }

    /// Every key, in no order.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn keys(&self) -> anyhow::Result<Vec<String>> {
        self.ask("KEYS *").await
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        self.0.process()
    }
}
