//! What every part stands on: the data folder, Redis, the blob store and its gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use image2model_host::blobs::Blobs;
use image2model_host::blobs::gateway::{Elsewhere, Gateway, GatewayConfig};
use image2model_host::config::{Config, Part};
use image2model_host::redis::{ChildRedis, Replicas, Store, check};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::secrets;

/// How long a configured Redis may take to answer when everything starts at once.
const REDIS_WITHIN: Duration = Duration::from_secs(30);

pub struct Foundation {
    pub redis_url: SecretString,
    pub store: Store,
    pub blobs: Blobs,
    pub blob_url: String,
    pub blob_token: SecretString,
    child: Option<ChildRedis>,
    gateway: Option<RunningGateway>,
}

struct RunningGateway {
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Foundation {
    /// Whether Redis is the private one, which syncs each write before it answers: what it said once, it knows for good.
    pub fn keeps_every_write(&self) -> bool {
        self.child.is_some()
    }

    /// All but the gateway.
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        secrets::data_folder(&config.data_dir)?;
        let blobs = Blobs::local(&config.upload_dir, &config.results_dir)?;
        let blob_token = match &config.blobs.token {
            Some(token) => token.clone(),
            None => secrets::kept(&config.data_dir, "blob-token")?,
        };
        let (redis_url, child) = match &config.redis.url {
            Some(url) => (url.clone(), None),
            None => {
                let child = ChildRedis::start(&config.data_dir.join("redis")).await?;
                (SecretString::from(child.url()), Some(child))
            }
        };
        let replicas = Replicas { count: config.redis.wait_replicas, within: config.redis.wait_within };
        let store = Store::open_cell(redis_url.expose_secret(), config.redis.keys.clone())?.with_replicas(replicas);
        wait_for(&store).await?;
        require_fitting(&store).await?;
        // As in the manifest, until a gateway is opened.
        let blob_url = "http://127.0.0.1:3001".to_owned();
        Ok(Self { redis_url, store, blobs, blob_url, blob_token, child, gateway: None })
    }

    /// The gateway that components use: another host's when one is named, else our own.
    pub async fn open_gateway(
        &mut self,
        part: Part,
        config: &Config,
        elsewhere: Arc<dyn Elsewhere>,
    ) -> anyhow::Result<()> {
        if let Some(url) = &config.blobs.url {
            self.blob_url.clone_from(url);
            return Ok(());
        }
        let wanted = matches!(part, Part::Up | Part::Serve) || (part == Part::Worker && config.blobs.listen.is_some());
        if !wanted {
            return Ok(());
        }
        let listen = config.blobs.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let max_bytes = config.limits.max_upload_size.max(1 << 20);
        let (token, min_free) = (self.blob_token.clone(), config.blobs.min_free);
        let settings = GatewayConfig { listen, token, max_bytes, min_free, elsewhere };
        let gateway = Gateway::bind(self.blobs.clone(), settings).await;
        let gateway = gateway.with_context(|| format!("cannot listen on {listen} (BLOB_LISTEN)"))?;
        let stop = CancellationToken::new();
        self.blob_url = format!("http://{}", reachable(gateway.address()));
        tracing::info!(url = %self.blob_url, "the blob gateway is ready");
        self.gateway = Some(RunningGateway { task: tokio::spawn(gateway.run(stop.clone())), stop });
        Ok(())
    }

    /// Returns when the gateway ends by itself, which it should not.
    pub async fn broken(&mut self) -> anyhow::Error {
        match &mut self.gateway {
            Some(gateway) => anyhow::anyhow!("the blob gateway ended: {:?}", (&mut gateway.task).await),
            None => std::future::pending().await,
        }
    }

    /// Ends what was started, in reverse.
    pub async fn stop(self) {
        if let Some(gateway) = self.gateway {
            gateway.stop.cancel();
            if !gateway.task.is_finished() && gateway.task.await.is_err() {
                tracing::error!("the blob gateway broke down");
            }
        }
        if let Some(child) = self.child {
            child.stop().await;
        }
    }
}

async fn wait_for(store: &Store) -> anyhow::Result<()> {
    let started = tokio::time::Instant::now();
    loop {
        match store.ping().await {
            Ok(_) => return Ok(()),
            Err(error) if !error.is_retryable() || started.elapsed() > REDIS_WITHIN => {
                return Err(error).context("cannot use the configured Redis (REDIS_URL or REDIS_HOST)");
            }
            Err(error) => tracing::warn!(%error, "waiting for Redis"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Dangers are only told of; what makes the work impossible ends the start.
async fn require_fitting(store: &Store) -> anyhow::Result<()> {
    match check(store).await {
        Ok(findings) => match findings.iter().find(|finding| finding.forbids) {
            Some(finding) => {
                anyhow::bail!("Redis cannot be used with {} {}: {}", finding.setting, finding.found, finding.advice)
            }
            None => Ok(()),
        },
        Err(error) => {
            tracing::warn!(%error, "the settings of Redis could not be checked");
            Ok(())
        }
    }
}

/// An address to connect to, for one that may mean every interface.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() });
    }
    address
}
