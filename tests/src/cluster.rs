//! A Redis Cluster of real processes: three primaries that share the slots evenly, and replicas where a test wants some.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::redis::{Redis, free_port};

const SLOTS: usize = 16_384;
const PRIMARIES: usize = 3;
/// How long the nodes may take to agree.
const WITHIN: Duration = Duration::from_secs(60);

/// A running cluster.
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts three primaries and waits until all agree that the cluster is well.
    ///
    /// # Errors
    /// When a node does not start, or they do not agree.
    pub async fn start() -> anyhow::Result<Self> {
        let mut cluster = Self { nodes: Vec::new() };
        for number in 0..PRIMARIES {
            let node = node()?;
            let slots = first_slot(number)..first_slot(number + 1);
            node.ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {} {}", slots.start, slots.end - 1)).await?;
            node.ask::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1)).await?;
            cluster.join(node).await?;
        }
        cluster.agreed().await?;
        Ok(cluster)
    }

    /// Adds a replica of a primary and waits until it follows.
    ///
    /// # Errors
    /// When it does not.
    pub async fn add_replica(&mut self, of: usize) -> anyhow::Result<()> {
        let primary: String = self.node(of)?.ask("CLUSTER MYID").await?;
        self.join(node()?).await?;
        self.agreed().await?;
        let replica = self.nodes.last().context("it was just added")?;
        replica.ask::<()>(&format!("CLUSTER REPLICATE {primary}")).await?;
        until("the replica follows", async || replica.is_following().await).await
    }

    async fn join(&mut self, node: Redis) -> anyhow::Result<()> {
        if let Some(first) = self.nodes.first() {
            let bus: Vec<String> = first.ask("CONFIG GET cluster-port").await?;
            let bus = bus.get(1).context("no cluster-port")?;
            node.ask::<()>(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", first.port())).await?;
        }
        self.nodes.push(node);
        Ok(())
    }

    async fn agreed(&self) -> anyhow::Result<()> {
        let known = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        for node in &self.nodes {
            until("the nodes agree", async || {
                let info: String = node.ask("CLUSTER INFO").await?;
                Ok(info.contains("cluster_state:ok") && info.contains(&known))
            })
            .await?;
        }
        Ok(())
    }

    /// A node: first the primaries, then the replicas in the order in which they were added.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn node(&self, number: usize) -> anyhow::Result<&Redis> {
        self.nodes.get(number).context("there are not so many nodes")
    }

    /// The same, to stop it.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn node_mut(&mut self, number: usize) -> anyhow::Result<&mut Redis> {
        self.nodes.get_mut(number).context("there are not so many nodes")
    }

    /// A prefix for `REDIS_KEY_PREFIX` whose slot that primary has, and the slot.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn prefix_on(&self, primary: usize) -> anyhow::Result<(String, usize)> {
        let slots = first_slot(primary)..first_slot(primary + 1);
        for number in 1..1000 {
            let prefix = format!("{{p{number}}}:");
            let slot = self.slot(&prefix).await?;
            if slots.contains(&slot) {
                return Ok((prefix, slot));
            }
        }
        bail!("no prefix lies there")
    }

    /// The slot of a key.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn slot(&self, key: &str) -> anyhow::Result<usize> {
        let mut connection = self.node(0)?.connection().await?;
        Ok(redis::cmd("CLUSTER").arg("KEYSLOT").arg(key).query_async(&mut connection).await?)
    }

    /// Moves a slot with all its keys, key by key, as `redis-cli --cluster reshard` does.
    ///
    /// # Errors
    /// When a node refuses.
    pub async fn move_slot(&self, slot: usize, from: usize, to: usize) -> anyhow::Result<()> {
        let (source, target) = (self.node(from)?, self.node(to)?);
        let (source_id, target_id) =
            (source.ask::<String>("CLUSTER MYID").await?, target.ask::<String>("CLUSTER MYID").await?);
        target.ask::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {source_id}")).await?;
        source.ask::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {target_id}")).await?;
        loop {
            let keys: Vec<String> = source.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 10")).await?;
            if keys.is_empty() {
                break;
            }
            let keys = keys.join(" ");
            // Two spaces: the key that would stand there is empty.
            source.ask::<()>(&format!("MIGRATE 127.0.0.1 {}  0 5000 KEYS {keys}", target.port())).await?;
        }
        for node in [target, source] {
            node.ask::<()>(&format!("CLUSTER SETSLOT {slot} NODE {target_id}")).await?;
        }
        Ok(())
    }
}

/// A node that belongs to no cluster yet.
fn node() -> anyhow::Result<Redis> {
    let bus = free_port()?.to_string();
    // Short, so that a failover does not take longer than the rest of a test.
    let timeout = ["--cluster-node-timeout", "1500"];
    Redis::start_with(&[["--cluster-enabled", "yes"], ["--cluster-port", bus.as_str()], timeout].concat())
}

fn first_slot(primary: usize) -> usize {
    primary * SLOTS / PRIMARIES
}

async fn until(what: &str, holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let deadline = Instant::now() + WITHIN;
    while !holds().await? {
        anyhow::ensure!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
