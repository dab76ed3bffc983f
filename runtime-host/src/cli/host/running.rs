//! The parts at work. Start: foundation, FAL, gateway, application, streams, worker, public port. Stop: not ready, a while
//! later no new requests, streams sent away and files handed back while requests finish; then the simulator, what a collector and the logs
//! have yet to get, the gateway, and Redis.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use image2model_domain::webhook::AllowedHosts;
use image2model_host::blobs::{SweepSettings, remove_useless_blobs, sweep_orphans};
use image2model_host::busy_poll;
use image2model_host::config::{Config, Part};
use image2model_host::edge::Edge;
use image2model_host::edge::swap::follow::Follower;
use image2model_host::edge::swap::watch::Watcher;
use image2model_host::fal::WebhookKeys;
use image2model_host::intake::Tls;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::ops::logs::{LogWriter, Queued};
use image2model_host::redis::{Tail, TailMessage};
use image2model_host::stream::{Limits, StreamDeps, Streams};
use image2model_host::webhooks::{Schedule, WebhookSettings, Webhooks};
use tokio::net::TcpListener;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::adapters::{ComponentGuard, ProviderFiles};
use super::application::STREAM_ENDPOINT;
use super::connections::Connections;
use super::fal_webhook::FalWebhook;
use super::foundation::Foundation;
use super::native::Native;
use super::simulator::{Fal, relay};
use super::telemetry::Telemetry;
use super::vitals::{self, Vitals};
use super::{application, log_store, ready, releases, worker};

/// Streams beside an application leave within this; a server of their own spreads them over half of its grace.
const STREAMS_LEAVE_WITHIN: Duration = Duration::from_secs(2);

pub struct Running {
    base: Foundation,
    logs: Option<LogWriter>,
    fal: Option<Fal>,
    streams: Option<Streams>,
    leave_within: Duration,
    stop: CancellationToken,
    /// How long after that connections are still taken, for whatever is in front to notice.
    delay: Duration,
    close: CancellationToken,
    /// Nobody listens any more who would have to be told of anything.
    left: CancellationToken,
    tasks: JoinSet<&'static str>,
    tail: Tail,
    telemetry: Telemetry,
}

impl Running {
    pub async fn start(part: Part, config: Config, queued: Option<Queued>, watch: bool) -> anyhow::Result<Self> {
        // Bound first, so that a port in use is told before anything else is started.
        let listener = bind(part, &config).await?;
        let tls = config.tls.clone().map(Tls::open).transpose().context("cannot encrypt the public port")?;
        let identity = vitals::identity(part);
        let mut telemetry = Telemetry::start(&config, &identity)?;
        let mut base = Foundation::start(&config).await?;
        let logs = queued.map(|queued| log_store::start(queued, &config, &base, &identity)).transpose()?;
        let fal = if matches!(part, Part::Up | Part::Worker) { Some(Fal::start(&config).await?) } else { None };
        let elsewhere = Arc::new(ProviderFiles(relay(fal.as_ref(), &config.fal)?));
        base.open_gateway(part, &config, elsewhere).await?;
        let hosts = fal.as_ref().map(Fal::result_hosts).unwrap_or_default();
        let connections = Connections::of(part, config.limits.max_streams);
        let edge = application::load(part, &config, &base, hosts, tls.clone(), connections.all).await?;
        let follower = releases::follower(&config, &base, &edge, &identity).await?;
        let tail = Tail::start(&base.store).await?;
        let streams = streams(part, &config, &base, &edge, connections.streams)?;
        let delay = if listener.is_some() { config.shutdown_delay } else { Duration::ZERO };
        let grace = config.shutdown_grace.saturating_sub(delay);
        let leave_within = if part == Part::Stream { grace / 2 } else { STREAMS_LEAVE_WITHIN };
        let (stop, close, left) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let vitals = Vitals { part, edge: edge.clone(), streams: streams.clone() };
        telemetry.measure(&vitals)?;
        let tasks = JoinSet::new();
        let mut running =
            Self { base, logs, fal, streams, leave_within, stop, delay, close, left, tasks, tail, telemetry };
        if let Some(streams) = running.streams.clone() {
            feed(&mut running.tasks, streams, running.tail.subscribe(), running.left.clone());
        }
        running.follow(follower, watch.then(|| edge.watcher()));
        running.work(&config, &edge, &identity).await?;
        running.tell(vitals, identity);
        let probe = ready::probe(&edge);
        let address = running.serve(part, &config, edge, listener, tls, connections.all)?;
        say_warnings(part, &config);
        running.say_ready(part, address, config.tls.is_some(), probe).await?;
        Ok(running)
    }

    /// Keeps the components at what the fleet, or the disk, says.
    fn follow(&mut self, follower: Follower, watcher: Option<Watcher>) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            follower.run(stop).await;
            "following of components"
        });
        if let Some(watcher) = watcher {
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                watcher.run(stop).await;
                "watching of components"
            });
        }
    }

    async fn work(&mut self, config: &Config, edge: &Edge, identity: &HostIdentity) -> anyhow::Result<()> {
        if let Some(fal) = &self.fal {
            let worker = worker::prepare(config, &self.base, edge, fal, &self.tail, identity).await?;
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                worker.run(stop).await;
                "worker"
            });
            self.look_after(config, identity)?;
        }
        Ok(())
    }

    /// Says that this process lives, and what its parts do.
    fn tell(&mut self, vitals: Vitals, identity: HostIdentity) {
        let (store, stop) = (self.base.store.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            vitals.tell(store, identity, stop).await;
            "sign of life"
        });
    }

    /// What goes on beside the work: telling the owners of jobs, and removing what nothing needs any more.
    fn look_after(&mut self, config: &Config, identity: &HostIdentity) -> anyhow::Result<()> {
        let (stop, store) = (self.stop.clone(), self.base.store.clone());
        let webhooks = Webhooks::new(store.clone(), webhook_settings(config))?;
        self.tasks.spawn(async move {
            webhooks.run(stop).await;
            "webhook delivery"
        });
        let (stop, blobs) = (self.stop.clone(), self.base.blobs.clone());
        if let Some(settings) = sweep_settings(config) {
            let (store, blobs, holder, stop) = (store.clone(), blobs.clone(), identity.id.clone(), stop.clone());
            self.tasks.spawn(async move {
                sweep_orphans(store, blobs, settings, holder, stop).await;
                "sweep of blobs"
            });
        }
        self.tasks.spawn(async move {
            remove_useless_blobs(store, blobs, stop).await;
            "removal of blobs"
        });
        Ok(())
    }

    fn serve(
        &mut self,
        part: Part,
        config: &Config,
        edge: Arc<Edge>,
        listener: Option<TcpListener>,
        tls: Option<Tls>,
        connections: usize,
    ) -> anyhow::Result<Option<SocketAddr>> {
        let Some(listener) = listener else { return Ok(None) };
        let address = listener.local_addr()?;
        let (stop, close, leave_within) = (self.stop.clone(), self.close.clone(), self.leave_within);
        if let Some(tls) = tls.clone() {
            let stop = stop.clone();
            self.tasks.spawn(async move {
                tls.renew(stop).await;
                "renewal of the certificate"
            });
        }
        match (part, self.streams.clone()) {
            (Part::Stream, Some(streams)) => self.tasks.spawn(async move {
                streams.serve(listener, tls, connections, close, leave_within).await;
                "stream server"
            }),
            (_, streams) => {
                busy_poll::start(config.busy_poll);
                let rest_url = self.fal.as_ref().map_or(&config.fal.rest_url, |fal| &fal.client.rest_url);
                let told = || anyhow::Ok(FalWebhook::new(WebhookKeys::new(rest_url)?, self.base.store.clone()));
                let fal_webhook = application::is_own(&edge).then(told).transpose()?.map(Arc::new);
                let native = Arc::new(Native { streams, fal_webhook, stopping: stop });
                self.tasks.spawn(async move {
                    edge.serve(listener, native, close).await;
                    "application server"
                })
            }
        };
        Ok(Some(address))
    }

    /// The line that whoever started us waits for.
    async fn say_ready(
        &self,
        part: Part,
        address: Option<SocketAddr>,
        encrypted: bool,
        probe: &str,
    ) -> anyhow::Result<()> {
        let line = match address {
            Some(address) => {
                let scheme = if encrypted { "https" } else { "http" };
                if part != Part::Stream {
                    ready::wait(scheme, address, probe).await?;
                }
                format!("ready: {scheme}://{address}")
            }
            None => "ready: worker".to_owned(),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).context("cannot write to standard output")
    }

    /// Returns when a part ends that should not.
    pub async fn broken(&mut self) -> anyhow::Error {
        tokio::select! {
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(name) => anyhow::anyhow!("the {name} ended by itself"),
                Err(error) => anyhow::anyhow!("a part broke down: {error}"),
            },
            error = self.base.broken() => error,
        }
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(streams) = &self.streams {
            streams.stop_soon();
        }
        tokio::time::sleep(self.delay).await;
        self.close.cancel();
        let leave = async {
            if let Some(streams) = &self.streams {
                streams.drain(self.leave_within).await;
            }
            self.left.cancel();
        };
        let finish = async { while self.tasks.join_next().await.is_some() {} };
        tokio::join!(leave, finish);
        if let Some(fal) = self.fal {
            fal.stop().await;
        }
        self.telemetry.stop().await;
        // Nobody follows the events any more; Redis goes last, after what was logged so far.
        drop(self.tail);
        if let Some(logs) = self.logs {
            logs.stop().await;
        }
        self.base.stop().await;
    }
}

async fn bind(part: Part, config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let (address, name) = match part {
        Part::Worker => return Ok(None),
        Part::Stream => (config.stream_listen, "STREAM_LISTEN"),
        Part::Up | Part::Serve => (config.listen, "LISTEN"),
    };
    let listener = TcpListener::bind(address).await;
    listener.map(Some).with_context(|| format!("cannot listen on {address} (--listen or {name})"))
}

/// Streams of this process, so many at a time, unless it has none, a stream server stands apart, or they are not of this
/// application.
fn streams(
    part: Part,
    config: &Config,
    base: &Foundation,
    edge: &Edge,
    total: usize,
) -> anyhow::Result<Option<Streams>> {
    if part == Part::Worker || (part == Part::Serve && config.stream_url.is_some()) {
        return Ok(None);
    }
    let limits = Limits {
        total,
        per_key: config.limits.max_streams_per_key,
        per_address: config.limits.max_streams_per_address,
        ..Limits::default()
    };
    // Of another application, nobody can say who may listen to what.
    if part != Part::Stream && !application::is_own(edge) {
        tracing::info!("the manifest has no guard for event streams, so there are none");
        return Ok(None);
    }
    let authorizer = Arc::new(ComponentGuard(edge.guard(STREAM_ENDPOINT)?));
    Ok(Some(Streams::new(StreamDeps { store: base.store.clone(), authorizer, limits })))
}

/// Passes on to the streams what happens, until they have `left`.
fn feed(tasks: &mut JoinSet<&'static str>, streams: Streams, news: Receiver<TailMessage>, left: CancellationToken) {
    tasks.spawn(async move {
        left.run_until_cancelled(streams.follow(news)).await;
        "feeding of streams"
    });
}

fn webhook_settings(config: &Config) -> WebhookSettings {
    let webhooks = &config.webhooks;
    WebhookSettings {
        allowed_hosts: AllowedHosts::new(webhooks.allowed_hosts.iter().map(String::as_str)),
        schedule: Schedule { first: webhooks.first_retry, attempts: webhooks.max_attempts },
    }
}

fn sweep_settings(config: &Config) -> Option<SweepSettings> {
    let sweep = config.blobs.sweep;
    // A model whose job was lost with a Redis is kept for as long as its job would have been.
    let (orphan_age, result_age) = (sweep.orphan_age, config.limits.job_ttl);
    sweep.every.map(|every| SweepSettings { every, orphan_age, result_age })
}

fn say_warnings(part: Part, config: &Config) {
    if part != Part::Worker && config.lets_everybody_in() {
        tracing::warn!("no API_KEY is set: every caller is let in (ENVIRONMENT=development)");
    }
    for name in config.short_keys() {
        tracing::warn!(name, "a key this short can be guessed: wrong ones are counted, but a right one always opens");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use image2model_host::redis::Store;
    use image2model_host::stream::{Authorizer, StreamFacts, Verdict};
    use tokio::sync::broadcast;

    struct Nobody;

    #[async_trait::async_trait]
    impl Authorizer for Nobody {
        async fn check(&self, _: StreamFacts) -> Verdict {
            unreachable!("nobody asks")
        }
    }

    #[tokio::test]
    async fn the_feeding_of_streams_is_a_part_whose_end_is_noticed() {
        let store = Store::open("redis://127.0.0.1:1").unwrap();
        let streams = Streams::new(StreamDeps { store, authorizer: Arc::new(Nobody), limits: Limits::default() });
        let (mut tasks, left) = (JoinSet::new(), CancellationToken::new());
        let (tail, news) = broadcast::channel(1);
        feed(&mut tasks, streams.clone(), news, left.clone());
        drop(tail);
        assert_eq!(tasks.join_next().await.unwrap().unwrap(), "feeding of streams");
        let (_tail, news) = broadcast::channel(1);
        feed(&mut tasks, streams, news, left.clone());
        left.cancel();
        assert!(tasks.join_next().await.unwrap().is_ok(), "it ends when the streams have left");
    }
}
