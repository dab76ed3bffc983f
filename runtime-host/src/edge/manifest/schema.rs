//! `spin.toml` as it is written: every key of Spin's manifest v2 by name, so that one this host does not do is refused
//! by `refuse`, and one that nobody knows is refused by the parser. Keys follow Spin's manifest reference.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::StaticAnswer;
use crate::edge::EdgeError;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub spin_manifest_version: i64,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub trigger: BTreeMap<String, Value>,
    #[serde(default)]
    pub component: BTreeMap<String, Component>,
}

/// `[application]`. `authors` and `targets` concern `spin build` and registries; they change nothing here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Application {
    pub name: String,
    #[serde(default)]
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    pub targets: Vec<Value>,
    #[serde(default)]
    pub trigger: Table,
    #[serde(default)]
    pub tool: Table,
}

/// One entry of `[variables]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Variable {
    #[serde(default)]
    pub required: bool,
    pub default: Option<String>,
    #[serde(default)]
    pub secret: bool,
    #[serde(default)]
    pub description: String,
}

/// One `[[trigger.http]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct HttpTrigger {
    #[serde(default)]
    pub id: String,
    pub route: Option<Value>,
    pub component: Option<Value>,
    pub components: Option<Value>,
    pub executor: Option<Executor>,
    pub static_response: Option<StaticResponse>,
    pub dependencies: Option<Value>,
}

/// `static_response = { status_code = 302, headers = { location = "/" }, body = "…" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticResponse {
    pub status_code: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
}

impl StaticResponse {
    /// Made ready to be answered.
    pub fn read(self, place: &str) -> Result<StaticAnswer, EdgeError> {
        let wrong = |what: String| EdgeError::invalid(format!("{place}, `static_response`"), what);
        let status = self.status_code.unwrap_or(200);
        let status = http::StatusCode::from_u16(status).map_err(|_| wrong(format!("{status} is no status")))?;
        let mut headers = http::HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let header = || wrong(format!("no header can be {name:?}: {value:?}"));
            let name = http::HeaderName::try_from(name).map_err(|_| header())?;
            headers.insert(name, http::HeaderValue::try_from(value).map_err(|_| header())?);
        }
        Ok(StaticAnswer { status, headers, body: self.body })
    }
}

/// `executor = { type = "http" }`.
#[derive(Deserialize)]
pub(super) struct Executor {
    #[serde(rename = "type")]
    pub kind: String,
}

/// One `[component.<id>]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Component {
    pub source: Value,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<Files>,
    #[serde(default)]
    pub exclude_files: Vec<String>,
    #[serde(default)]
    pub allowed_http_hosts: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub sqlite_databases: Vec<String>,
    #[serde(default)]
    pub ai_models: Vec<String>,
    pub build: Option<Build>,
    #[serde(default)]
    pub tool: BTreeMap<String, Table>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub dependencies_inherit_configuration: bool,
    #[serde(default)]
    pub targets: Vec<Value>,
    #[serde(default)]
    pub profile: Table,
}

/// `files = ["glob", { source, destination }]`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Files {
    Glob(String),
    Mount(Mount),
}

/// One folder made visible to a component.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mount {
    pub source: String,
    pub destination: String,
}

/// `[component.<id>.build]`: `cargo xtask build` and `spin build` use it, serving does not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Build {
    pub command: Value,
    pub workdir: Option<String>,
    #[serde(default)]
    pub watch: Vec<String>,
}

/// `"ns:package/interface@1.0.0" = …`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Dependency {
    Version(String),
    Table(Box<DependencyTable>),
}

/// The long form of a dependency.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DependencyTable {
    pub component: Option<String>,
    pub path: Option<String>,
    pub export: Option<String>,
    pub inherit_configuration: Option<Inherit>,
    pub version: Option<String>,
    pub registry: Option<String>,
    pub package: Option<String>,
    pub url: Option<String>,
    pub digest: Option<String>,
    pub sha256: Option<String>,
}

/// `inherit_configuration = true` or a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Inherit {
    All(bool),
    Only(Vec<String>),
}

/// `[component.<id>.tool.image2model]`: this host's own limits, which Spin leaves alone.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolTable {
    pub memory_mb: Option<u32>,
    pub request_timeout_seconds: Option<u32>,
    pub request_deadline_seconds: Option<u32>,
    pub cpu_time_ms: Option<u32>,
    pub max_concurrent_requests: Option<u32>,
    pub max_queued_requests: Option<u32>,
    pub queue_wait_ms: Option<u32>,
    pub max_body_bytes: Option<u64>,
    pub stream_seconds: Option<u32>,
}
