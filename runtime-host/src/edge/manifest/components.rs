//! One `[component.<id>]` made ready: paths against the manifest's folder, templates expanded, grants parsed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use super::lines::{Lines, Place};
use super::schema::{self, TOOL, TextOr, ToolTable};
use super::template::{Values, is_variable_name};
use super::{Component, Configuration, Dependency, DependencySource, HANDLER, Inherit, Limits, Mount, Source, source};
use crate::edge::EdgeError;
use crate::edge::capabilities::AllowedHosts;
use crate::edge::engine::MAX_MEMORY;

/// One table of the manifest that is being read: how it is called, and where its keys stand.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub words: String,
    pub lines: &'a Lines,
}

impl Spot<'_> {
    /// The table itself.
    pub fn here(&self) -> Place {
        self.lines.place([], self.words.as_str())
    }

    /// The key at `path` in it.
    pub fn key<'k>(&self, path: impl IntoIterator<Item = &'k str>) -> Place {
        self.lines.place(path, self.words.as_str())
    }

    /// As [`key`](Self::key), and called by more words.
    pub fn called<'k>(&self, path: impl IntoIterator<Item = &'k str>, more: &str) -> Place {
        self.lines.place(path, format!("{}, {more}", self.words))
    }
}

pub(super) fn resolve(
    id: &str,
    component: schema::Component,
    base: &Path,
    values: &Values,
    missing: &mut BTreeSet<String>,
    lines: &Lines,
) -> Result<Component, EdgeError> {
    let spot = Spot { words: format!("component {id:?}"), lines };
    if !is_kebab_case(id) {
        return Err(EdgeError::invalid(spot.here(), "ids are kebab-case: words of letters and digits joined by `-`"));
    }
    Ok(Component {
        id: id.to_owned(),
        source: source(&spot, component.source, base)?,
        variables: variables(&spot, &component.variables, values, missing)?,
        environment: component.environment,
        allowed_hosts: allowed_hosts(&spot, &component.allowed_outbound_hosts, values, missing)?,
        key_value_stores: stores(&spot, component.key_value_stores)?,
        mounts: mounts(&spot, component.files, base)?,
        dependencies: dependencies(&spot, component.dependencies, component.dependencies_inherit_configuration, base)?,
        limits: limits(&spot, component.tool.own)?,
    })
}

fn source(spot: &Spot<'_>, source: TextOr<schema::Remote>, base: &Path) -> Result<Source, EdgeError> {
    match source {
        TextOr::Text(path) => Ok(Source::File(base.join(path))),
        TextOr::Other(keys) => {
            let spot = Spot { words: format!("{}, `source`", spot.words), lines: spot.lines.get(["source"]) };
            source::remote(&spot, keys, None).map(Source::Remote)
        }
    }
}

fn allowed_hosts(
    spot: &Spot<'_>,
    declared: &[String],
    values: &Values,
    missing: &mut BTreeSet<String>,
) -> Result<AllowedHosts, EdgeError> {
    const KEY: &str = "allowed_outbound_hosts";
    let mut hosts = AllowedHosts::default();
    for (index, host) in declared.iter().enumerate() {
        let place = spot.called([KEY, index.to_string().as_str()], "`allowed_outbound_hosts`");
        // A host whose variable has no value is reported with the variable, not as a malformed host.
        if let Some(expanded) = values.expand(&place, host, missing)? {
            hosts.add(&expanded, host).map_err(|message| EdgeError::invalid(place, message))?;
        }
    }
    Ok(hosts)
}

fn variables(
    spot: &Spot<'_>,
    declared: &BTreeMap<String, String>,
    values: &Values,
    missing: &mut BTreeSet<String>,
) -> Result<HashMap<String, String>, EdgeError> {
    let mut out = HashMap::with_capacity(declared.len());
    for (name, text) in declared {
        let place = spot.called(["variables", name], &format!("variable {name:?}"));
        if !is_variable_name(name) {
            return Err(EdgeError::invalid(place, "names are lower case letters, digits and single underscores"));
        }
        if let Some(value) = values.expand(&place, text, missing)? {
            out.insert(name.clone(), value);
        }
    }
    Ok(out)
}

fn stores(spot: &Spot<'_>, names: Vec<String>) -> Result<BTreeSet<String>, EdgeError> {
    let one = |(index, name): (usize, String)| {
        let is_snake = name.split('_').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()));
        if is_snake || is_kebab_case(&name) {
            return Ok(name);
        }
        let place = spot.key(["key_value_stores", index.to_string().as_str()]);
        Err(EdgeError::invalid(place, format!("`key_value_stores`: {name:?} is neither kebab-case nor snake_case")))
    };
    names.into_iter().enumerate().map(one).collect()
}

fn mounts(spot: &Spot<'_>, files: Vec<TextOr<schema::Mount>>, base: &Path) -> Result<Vec<Mount>, EdgeError> {
    let mut mounts = Vec::with_capacity(files.len());
    for (index, entry) in files.into_iter().enumerate() {
        let place = spot.key(["files", index.to_string().as_str()]);
        match entry {
            TextOr::Text(glob) => {
                let reason = format!("{glob:?} is a pattern; write {{ source = \"folder\", destination = \"/path\" }}");
                return Err(EdgeError::unsupported(place, "files", reason));
            }
            TextOr::Other(mount) if !mount.destination.starts_with('/') => {
                let message = format!("`files`: destination {:?} must be absolute", mount.destination);
                return Err(EdgeError::invalid(place, message));
            }
            TextOr::Other(mount) if mounts.iter().any(|other: &Mount| other.destination == mount.destination) => {
                let reason = format!("two sources for {:?}; put what is in both into one folder", mount.destination);
                return Err(EdgeError::unsupported(place, "files", reason));
            }
            TextOr::Other(mount) => {
                mounts.push(Mount { source: base.join(mount.source), destination: mount.destination });
            }
        }
    }
    Ok(mounts)
}

fn dependencies(
    spot: &Spot<'_>,
    declared: BTreeMap<String, TextOr<Box<schema::Dependency>>>,
    inherit_all: bool,
    base: &Path,
) -> Result<Vec<Dependency>, EdgeError> {
    declared
        .into_iter()
        .map(|(import, dependency)| {
            let spot = Spot {
                words: format!("{}, dependency {import:?}", spot.words),
                lines: spot.lines.get(["dependencies", &import]),
            };
            match dependency {
                TextOr::Text(version) => {
                    let reason = format!(
                        "this host has no registry of its own to look in: write {{ version = {version:?}, registry = \"…\" }}"
                    );
                    Err(EdgeError::unsupported(spot.here(), "version", reason))
                }
                TextOr::Other(table) => self::dependency(&spot, import, *table, inherit_all, base),
            }
        })
        .collect()
}

/// What stands in front of the component of a route, outermost first.
pub(super) fn middleware(
    spot: &Spot<'_>,
    written: Vec<schema::Dependency>,
    base: &Path,
) -> Result<Vec<Dependency>, EdgeError> {
    let one = |(index, table): (usize, schema::Dependency)| {
        let spot = Spot {
            words: format!("{}, middleware number {}", spot.words, index + 1),
            lines: spot.lines.get(["dependencies", "middleware", index.to_string().as_str()]),
        };
        if table.export.is_some() {
            return Err(EdgeError::invalid(
                spot.key(["export"]),
                format!("middleware exports {HANDLER} and nothing else"),
            ));
        }
        dependency(&spot, HANDLER.to_owned(), table, false, base)
    };
    written.into_iter().enumerate().map(one).collect()
}

fn dependency(
    spot: &Spot<'_>,
    import: String,
    table: schema::Dependency,
    inherit_all: bool,
    base: &Path,
) -> Result<Dependency, EdgeError> {
    let schema::Dependency { component, path, version, registry, package, url, digest, sha256, .. } = table;
    let elsewhere = [&version, &registry, &package, &url, &digest, &sha256].into_iter().any(Option::is_some);
    let source = match (component, path) {
        (Some(id), None) if !elsewhere => DependencySource::Component(id),
        (None, Some(path)) if !elsewhere => DependencySource::Code(Source::File(base.join(path))),
        (None, None) if elsewhere => {
            let keys = schema::Remote { url, digest: digest.or(sha256), registry, package, version };
            let own = import.split(['/', '@']).next();
            DependencySource::Code(Source::Remote(source::remote(spot, keys, own)?))
        }
        _ => {
            let message =
                "needs exactly one of `component`, `path`, `url` with `digest`, and `version` with `registry`";
            return Err(EdgeError::invalid(spot.here(), message));
        }
    };
    let inherit = inherit(spot, table.inherit_configuration, inherit_all)?;
    Ok(Dependency { place: spot.here(), import, source, export: table.export, inherit })
}

fn inherit(spot: &Spot<'_>, written: Option<schema::Inherit>, inherit_all: bool) -> Result<Inherit, EdgeError> {
    Ok(match written {
        Some(schema::Inherit::All(true)) => Inherit::All,
        Some(schema::Inherit::Only(names)) => Inherit::Only(configurations(spot, names)?),
        None if inherit_all => Inherit::All,
        Some(schema::Inherit::All(false)) => Inherit::Only(BTreeSet::new()),
        None => Inherit::Unsaid,
    })
}

fn configurations(spot: &Spot<'_>, names: Vec<String>) -> Result<BTreeSet<Configuration>, EdgeError> {
    let one = |(index, name): (usize, String)| {
        Configuration::from_name(&name).ok_or_else(|| {
            let place = spot.key(["inherit_configuration", index.to_string().as_str()]);
            EdgeError::invalid(place, format!("`inherit_configuration`: nothing is called {name:?}"))
        })
    };
    names.into_iter().enumerate().map(one).collect()
}

/// What the tool table of a component, or of the application, says.
pub(super) fn limits(spot: &Spot<'_>, table: Option<ToolTable>) -> Result<Limits, EdgeError> {
    let Some(table) = table else { return Ok(Limits::default()) };
    let place = |key: &str| spot.called(["tool", TOOL, key], &format!("[tool.{TOOL}]"));
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
        return Err(EdgeError::invalid(place(key), format!("`{key}` must be 1 or more")));
    }
    let memory = table.memory_mb.map(|mb| (mb as usize).saturating_mul(1 << 20));
    if memory.is_some_and(|memory| memory > MAX_MEMORY) {
        let message = format!("`memory_mb` can be at most {}", MAX_MEMORY >> 20);
        return Err(EdgeError::invalid(place("memory_mb"), message));
    }
    Ok(Limits {
        memory,
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
