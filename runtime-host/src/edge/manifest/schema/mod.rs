//! `spin.toml` as it is written: every key of Spin's manifest v2 by name, so that one this host does not do is refused
//! by `refuse`, and one that nobody knows is refused by the parser. Keys follow Spin's manifest reference.

mod either;

use std::collections::BTreeMap;
use std::fmt;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::StaticAnswer;
use super::lines::Place;
use crate::edge::EdgeError;
pub(super) use either::{Inherit, TextOr};

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub spin_manifest_version: i64,
    pub application: Application,
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    #[serde(default)]
    pub trigger: Triggers,
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
    pub targets: Vec<TextOr<Target>>,
    #[serde(default)]
    pub trigger: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    pub tool: Tools,
}

/// An environment that `spin build` checks components against: by name, or by where its description is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Target {
    pub url: Option<String>,
    pub path: Option<String>,
}

/// All `[[trigger.<kind>]]`.
#[derive(Default)]
pub(super) struct Triggers {
    pub http: Vec<HttpTrigger>,
    /// Kinds that are not served here.
    pub others: Vec<String>,
}

impl<'de> Deserialize<'de> for Triggers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kinds;
        impl<'de> Visitor<'de> for Kinds {
            type Value = Triggers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("triggers by their kind, [[trigger.http]]")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Triggers, A::Error> {
                let mut triggers = Triggers::default();
                while let Some(kind) = map.next_key::<String>()? {
                    if kind == "http" {
                        triggers.http = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        triggers.others.push(kind);
                    }
                }
                Ok(triggers)
            }
        }
        deserializer.deserialize_map(Kinds)
    }
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
    pub route: Option<TextOr<Private>>,
    pub component: Option<TextOr<IgnoredAny>>,
    pub components: Option<IgnoredAny>,
    pub executor: Option<Executor>,
    pub static_response: Option<StaticResponse>,
    #[serde(default)]
    pub dependencies: TriggerDependencies,
}

/// `dependencies` of a trigger.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerDependencies {
    #[serde(default)]
    pub middleware: Vec<Dependency>,
}

/// `route = { private = true }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Private {
    pub private: bool,
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
    pub fn read(self, place: &Place) -> Result<StaticAnswer, EdgeError> {
        let wrong = |what: String| EdgeError::invalid(place.clone(), what);
        let status = self.status_code.unwrap_or(200);
        let status = http::StatusCode::from_u16(status).map_err(|_| wrong(format!("{status} is no status")))?;
        let mut headers = http::HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let header = || wrong(format!("no header can be {name:?}: {value:?}"));
            let name = http::HeaderName::try_from(name).map_err(|_| header())?;
            if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&name) {
                return Err(wrong(format!("`{name}` follows from the body: leave it out")));
            }
            headers.insert(name, http::HeaderValue::try_from(value).map_err(|_| header())?);
        }
        Ok(StaticAnswer { status, headers, body: self.body })
    }
}

/// `executor = { type = "http" }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Executor {
    #[serde(rename = "type")]
    pub kind: String,
    /// WAGI's, which is refused by its name.
    pub entrypoint: Option<IgnoredAny>,
    pub argv: Option<IgnoredAny>,
}

/// One `[component.<id>]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Component {
    pub source: TextOr<Remote>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<TextOr<Mount>>,
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
    pub tool: Tools,
    #[serde(default)]
    pub dependencies: BTreeMap<String, TextOr<Box<Dependency>>>,
    #[serde(default)]
    pub dependencies_inherit_configuration: bool,
    #[serde(default)]
    pub targets: Option<Vec<TextOr<Target>>>,
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// `source = { url, digest }` or `{ registry, package, version }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remote {
    pub url: Option<String>,
    pub digest: Option<String>,
    pub registry: Option<String>,
    pub package: Option<String>,
    pub version: Option<String>,
}

/// `[component.<id>.profile.<name>]`: what is otherwise where that profile is chosen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct Profile {
    pub source: Option<TextOr<Remote>>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, TextOr<Box<Dependency>>>,
    pub build: Option<ProfileBuild>,
}

/// A profile's own way to build.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "some keys are only there so that they are known")]
pub(super) struct ProfileBuild {
    pub command: TextOr<Vec<String>>,
}

impl Component {
    /// Itself, as it is under the profile `name`; one that does not have it stays as it is.
    pub fn under(mut self, name: &str) -> Self {
        let Some(profile) = self.profile.remove(name) else { return self };
        if let Some(source) = profile.source {
            self.source = source;
        }
        self.environment.extend(profile.environment);
        self.dependencies.extend(profile.dependencies);
        self
    }
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
    pub command: TextOr<Vec<String>>,
    pub workdir: Option<String>,
    #[serde(default)]
    pub watch: Vec<String>,
}

/// `"ns:package/interface@1.0.0" = { … }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dependency {
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

/// `[application.tool]` and `[component.<id>.tool]`: a table for each tool, of which one is ours.
#[derive(Default)]
pub(super) struct Tools {
    pub own: Option<ToolTable>,
}

/// The tool table that is ours.
pub(super) const TOOL: &str = "image2model";

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;
        impl<'de> Visitor<'de> for Tables {
            type Value = Tools;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table for each tool")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tools, A::Error> {
                let mut tools = Tools::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name == TOOL {
                        tools.own = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(tools)
            }
        }
        deserializer.deserialize_map(Tables)
    }
}

/// `[component.<id>.tool.image2model]`: this host's own limits, which Spin leaves alone. In `[application.tool.image2model]` those
/// of all components, as far as a component has none of its own.
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
