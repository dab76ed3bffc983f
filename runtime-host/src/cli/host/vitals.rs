//! What the process's parts say of themselves: for its sign of life, and for a collector.

use std::sync::Arc;

use image2model_host::config::Part;
use image2model_host::edge::{BOUNDS_MS, ComponentReport, Edge};
use image2model_host::ops::heartbeat::{HostIdentity, beat};
use image2model_host::redis::Store;
use image2model_host::stream::Streams;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The parts that have something to say.
#[derive(Clone)]
pub struct Vitals {
    pub part: Part,
    pub edge: Arc<Edge>,
    pub streams: Option<Streams>,
}

impl Vitals {
    /// Tells them until `stop`.
    pub async fn tell(self, store: Store, identity: HostIdentity, stop: CancellationToken) {
        beat(store, identity, move || self.now(), stop).await;
    }

    fn serves(&self) -> bool {
        matches!(self.part, Part::Up | Part::Serve)
    }

    /// What its components were asked. A worker has the same application loaded, and asks its providers; it answers no
    /// route of it.
    pub fn components(&self) -> Vec<ComponentReport> {
        let mut all = self.edge.reports();
        all.retain(|report| self.serves() || report.usage.requests > 0);
        all
    }

    fn now(&self) -> Value {
        json!({
            "serves_components": self.serves(),
            "duration_bounds_ms": BOUNDS_MS,
            "components": self.components(),
            "streams": self.streams.as_ref().map(Streams::stats),
        })
    }
}

/// Who this process is: asked once, for everything that names it. Its worker, its log writer and what it sends to a collector go by
/// the same name.
pub fn identity(part: Part) -> HostIdentity {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let role = match part {
        Part::Up => "up",
        Part::Serve => "serve",
        Part::Worker => "worker",
        Part::Stream => "stream",
    };
    HostIdentity { id: format!("{machine}-{}-{:04x}", std::process::id(), rand::random::<u16>()), machine, role }
}
