//! One `[component.<id>]` made ready: paths against the manifest's folder, templates expanded, grants parsed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use toml::Value;

use super::schema::{self, Files, ToolTable};
use super::template::{Values, is_variable_name};
use super::{Component, Configuration, Dependency, DependencySource, Inherit, Limits, Mount};
use crate::edge::EdgeError;
use crate::edge::capabilities::AllowedHosts;

/// The tool table that is ours.
const TOOL: &str = "image2model";

pub(super) fn resolve(
    id: &str,
    component: schema::Component,
    base: &Path,
    values: &Values,
    missing: &mut BTreeSet<String>,
) -> Result<Component, EdgeError> {
    let place = format!("component {id:?}");
    if !is_kebab_case(id) {
        return Err(EdgeError::invalid(place, "ids are kebab-case: words of letters and digits joined by `-`"));
    }
    let source = match &component.source {
        Value::String(path) => base.join(path),
        Value::Table(table) => {
            let key = if table.contains_key("url") { "source.url" } else { "source.registry" };
            return Err(EdgeError::unsupported(place, key, "components are not fetched here yet: give a path"));
        }
        _ => return Err(EdgeError::invalid(place, "`source` is a path")),
    };
    let mut hosts = Vec::with_capacity(component.allowed_outbound_hosts.len());
    for host in &component.allowed_outbound_hosts {
        let before = missing.len();
        let expanded = values.expand(&place, host, missing)?;
        // A host whose variable has no value is reported with the variable, not as a malformed host.
        if missing.len() == before {
            hosts.push(expanded);
        }
    }
    let allowed_hosts = AllowedHosts::parse(&hosts)
        .map_err(|message| EdgeError::invalid(format!("{place}, `allowed_outbound_hosts`"), message))?;
    Ok(Component {
        id: id.to_owned(),
        source,
        variables: variables(&place, &component.variables, values, missing)?,
        environment: component.environment,
        allowed_hosts,
        mounts: mounts(&place, component.files, base)?,
        dependencies: dependencies(&place, component.dependencies, component.dependencies_inherit_configuration, base)?,
        limits: limits(&place, &component.tool)?,
    })
}

fn variables(
    place: &str,
    declared: &BTreeMap<String, String>,
    values: &Values,
    missing: &mut BTreeSet<String>,
) -> Result<HashMap<String, String>, EdgeError> {
    let mut out = HashMap::with_capacity(declared.len());
    for (name, text) in declared {
        if !is_variable_name(name) {
            let message = format!("variable {name:?}: names are lower case letters, digits and single underscores");
            return Err(EdgeError::invalid(place, message));
        }
        out.insert(name.clone(), values.expand(&format!("{place}, variable {name:?}"), text, missing)?);
    }
    Ok(out)
}

fn mounts(place: &str, files: Vec<Files>, base: &Path) -> Result<Vec<Mount>, EdgeError> {
    let mut mounts = Vec::with_capacity(files.len());
    for entry in files {
        match entry {
            Files::Glob(glob) => {
                let reason = format!("{glob:?} is a pattern; write {{ source = \"folder\", destination = \"/path\" }}");
                return Err(EdgeError::unsupported(place, "files", reason));
            }
            Files::Mount(mount) if !mount.destination.starts_with('/') => {
                let message = format!("`files`: destination {:?} must be absolute", mount.destination);
                return Err(EdgeError::invalid(place, message));
            }
            Files::Mount(mount) => {
                mounts.push(Mount { source: base.join(mount.source), destination: mount.destination });
            }
        }
    }
    Ok(mounts)
}

fn dependencies(
    place: &str,
    declared: BTreeMap<String, schema::Dependency>,
    inherit_all: bool,
    base: &Path,
) -> Result<Vec<Dependency>, EdgeError> {
    declared
        .into_iter()
        .map(|(import, dependency)| {
            let place = format!("{place}, dependency {import:?}");
            match dependency {
                schema::Dependency::Version(version) => {
                    let reason = format!("registries are not read here yet: give a path instead of {version:?}");
                    Err(EdgeError::unsupported(place, "version", reason))
                }
                schema::Dependency::Table(table) => self::dependency(place, import, *table, inherit_all, base),
            }
        })
        .collect()
}

fn dependency(
    place: String,
    import: String,
    table: schema::DependencyTable,
    inherit_all: bool,
    base: &Path,
) -> Result<Dependency, EdgeError> {
    let remote = [
        ("version", &table.version),
        ("registry", &table.registry),
        ("package", &table.package),
        ("url", &table.url),
        ("digest", &table.digest),
        ("sha256", &table.sha256),
    ];
    if let Some((key, _)) = remote.into_iter().find(|(_, value)| value.is_some()) {
        return Err(EdgeError::unsupported(place, key, "dependencies are not fetched here yet: give a path"));
    }
    let source = match (table.component, table.path) {
        (Some(id), None) => DependencySource::Component(id),
        (None, Some(path)) => DependencySource::Path(base.join(path)),
        _ => return Err(EdgeError::invalid(place, "needs exactly one of `component` and `path`")),
    };
    let inherit = match table.inherit_configuration {
        Some(schema::Inherit::All(true)) => Inherit::All,
        Some(schema::Inherit::All(false)) => Inherit::Only(BTreeSet::new()),
        Some(schema::Inherit::Only(names)) => Inherit::Only(configurations(&place, names)?),
        None if inherit_all => Inherit::All,
        None => Inherit::Only(BTreeSet::new()),
    };
    Ok(Dependency { import, source, export: table.export, inherit })
}

fn configurations(place: &str, names: Vec<String>) -> Result<BTreeSet<Configuration>, EdgeError> {
    names
        .into_iter()
        .map(|name| {
            Configuration::from_name(&name).ok_or_else(|| {
                EdgeError::invalid(place, format!("`inherit_configuration`: nothing is called {name:?}"))
            })
        })
        .collect()
}

fn limits(place: &str, tools: &BTreeMap<String, toml::Table>) -> Result<Limits, EdgeError> {
    let Some(table) = tools.get(TOOL) else { return Ok(Limits::default()) };
    let table: ToolTable = table
        .clone()
        .try_into()
        .map_err(|e: toml::de::Error| EdgeError::invalid(format!("{place}, [tool.{TOOL}]"), e.to_string()))?;
    let seconds = |seconds: Option<u32>| seconds.map(|s| Duration::from_secs(s.into()));
    let ms = |ms: Option<u32>| ms.map(|ms| Duration::from_millis(ms.into()));
    let nothing = [
        ("memory_mb", table.memory_mb),
        ("request_timeout_seconds", table.request_timeout_seconds),
        ("request_deadline_seconds", table.request_deadline_seconds),
        ("cpu_time_ms", table.cpu_time_ms),
        ("max_concurrent_requests", table.max_concurrent_requests),
        ("stream_seconds", table.stream_seconds),
    ];
    if let Some((key, _)) = nothing.into_iter().find(|(_, value)| *value == Some(0)) {
        return Err(EdgeError::invalid(format!("{place}, [tool.{TOOL}]"), format!("`{key}` must be 1 or more")));
    }
    Ok(Limits {
        memory: table.memory_mb.map(|mb| (mb as usize).saturating_mul(1 << 20)),
        request_timeout: seconds(table.request_timeout_seconds),
        request_deadline: seconds(table.request_deadline_seconds),
        cpu_time: ms(table.cpu_time_ms),
        max_concurrent: table.max_concurrent_requests.map(|n| n as usize),
        max_queued: table.max_queued_requests.map(|n| n as usize),
        queue_wait: ms(table.queue_wait_ms),
        max_body: table.max_body_bytes,
        stream: seconds(table.stream_seconds),
    })
}

fn is_kebab_case(id: &str) -> bool {
    !id.is_empty()
        && id.split('-').all(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic() || c.is_ascii_digit())
                && word.chars().all(|c| c.is_ascii_alphanumeric())
        })
}
