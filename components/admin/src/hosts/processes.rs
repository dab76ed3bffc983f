//! Host processes: what each is, since when, what it takes, and what its components were asked.
//!
//! On Spin nothing of ours hosts the components, so only workers and stream servers write here.

use image2model_domain::digest::sha256_hex;
use image2model_kit::redis::{self, RedisError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A process's last sign of life. What an older or newer version says otherwise is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostProcess {
    /// Names it among all.
    pub(crate) id: String,
    /// Its machine's name.
    pub(crate) machine: String,
    /// `up`, `serve`, `worker` or `stream`.
    pub(crate) role: String,
    /// Its release.
    pub(crate) version: String,
    /// RFC 3339.
    pub(crate) started_at: String,
    /// Since then.
    pub(crate) uptime_seconds: u64,
    /// Memory, processor time, and what its machine has.
    pub(crate) process: Value,
    /// Event streams, where it serves any.
    pub(crate) streams: Value,
    /// It answers the application's routes.
    #[serde(skip_serializing)]
    pub(crate) serves_components: bool,
    /// Bounds of its components' `duration_buckets`, ms.
    #[serde(skip_serializing)]
    pub(crate) duration_bounds_ms: Vec<u64>,
    /// What it serves, or asked natively.
    #[serde(skip_serializing)]
    pub(crate) components: Vec<Component>,
}

/// One component as one process has it. Counts begin with the process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Component {
    pub(crate) id: String,
    pub(crate) version: String,
    /// `sha256:…` of its file.
    pub(crate) digest: String,
    /// The same of the file that the host's manifest names.
    pub(crate) manifest_digest: String,
    pub(crate) routes: Vec<String>,
    /// Components that it is composed into.
    pub(crate) used_by: Vec<String>,
    pub(crate) requests: u64,
    /// Answers 5xx, and requests without one.
    pub(crate) errors: u64,
    /// Time of all requests together.
    pub(crate) duration_ms: u64,
    /// By the host's bounds; not cumulative.
    #[serde(skip_serializing)]
    pub(crate) duration_buckets: Vec<u64>,
    pub(crate) memory_bytes: u64,
    pub(crate) instances: u64,
    /// Instances that ended because of what their guest did.
    pub(crate) traps: u64,
    pub(crate) timeouts: u64,
    /// Requests that found no place.
    pub(crate) refused: u64,
    pub(crate) too_large: u64,
    pub(crate) cpu_ms: u64,
    /// Time that requests waited for their turn.
    pub(crate) queued_ms: u64,
    /// Requests that are being answered.
    #[serde(skip_serializing)]
    pub(crate) active: u64,
    /// What it answered, by kind.
    #[serde(skip_serializing)]
    pub(crate) answers: Vec<Answers>,
    #[serde(skip_serializing)]
    pub(crate) memory_denied: u64,
    #[serde(skip_serializing)]
    pub(crate) cpu_exceeded: u64,
    /// Answers that went on for longer than they may.
    #[serde(skip_serializing)]
    pub(crate) cut_off: u64,
    /// Requests whose client was so slow that they made room for others.
    #[serde(skip_serializing)]
    pub(crate) made_room: u64,
}

/// Its answers of one kind.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Answers {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) route: String,
    pub(crate) status: u16,
    pub(crate) duration_us: u64,
    /// By the host's bounds; not cumulative.
    pub(crate) buckets: Vec<u64>,
}

impl HostProcess {
    /// What tells it apart in the open metrics, which do not name machines.
    pub(crate) fn label(&self) -> String {
        sha256_hex(self.id.as_bytes()).chars().take(8).collect()
    }

    /// As an operator sees it.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = json!(self);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("metrics_label".to_owned(), json!(self.label()));
        }
        shown
    }

    /// A number in what it says of its process.
    pub(crate) fn measured(&self, pointer: &str) -> Option<f64> {
        self.process.pointer(pointer).and_then(Value::as_f64)
    }
}

/// The processes whose sign of life has not run out, oldest id first.
pub(crate) async fn alive() -> Result<Vec<HostProcess>, RedisError> {
    let keys = redis::keys().await?;
    let texts = super::records(&keys.hosts(), |id| keys.host(id)).await?;
    let mut hosts: Vec<HostProcess> = texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    hosts.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_sign_of_life_and_bears_another_version() {
        let text = r#"{"id": "m-1", "role": "up", "serves_components": true, "new": 1,
            "process": {"memory_bytes": 5}, "components": [{"id": "admin", "requests": 3, "duration_buckets": [1, 2]}]}"#;
        let host: HostProcess = serde_json::from_str(text).unwrap();
        assert!(host.serves_components);
        assert_eq!((host.components[0].requests, host.measured("/memory_bytes")), (3, Some(5.0)));
        let shown = host.shown();
        assert!(!shown["metrics_label"].as_str().unwrap().contains("m-1"));
        assert!(shown.get("components").is_none() && shown["role"] == "up");
    }
}
