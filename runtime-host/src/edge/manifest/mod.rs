//! `spin.toml`, read once at load: typed, checked, its variables filled in. What Spin knows and this host does not do is
//! refused by name; nothing is ignored.

mod components;
mod lines;
mod refuse;
mod route;
mod schema;
mod source;
mod template;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::EdgeError;
use super::capabilities::AllowedHosts;
use components::Spot;

pub(crate) use lines::Lines;
pub use lines::Place;
pub(crate) use route::told_as;
pub use route::{RouteMatch, RoutePattern};
pub use source::{Remote, Source};
pub(crate) use template::is_variable_name;

/// An application as the manifest describes it, with every variable resolved.
pub struct Application {
    /// `application.name`.
    pub name: String,
    /// `application.version`, possibly empty.
    pub version: String,
    /// The routes in the manifest's order.
    pub routes: Vec<Route>,
    /// Routes with an answer of their own.
    pub answers: Vec<(RoutePattern, StaticAnswer)>,
    /// The components by id.
    pub components: BTreeMap<String, Component>,
    /// Where everything stands, under the chosen profile.
    lines: Lines,
}

/// What answers requests: the interface of components with a route, and of what stands in front of them.
pub(crate) const HANDLER: &str = "wasi:http/handler@0.3.0";

/// One `[[trigger.http]]`.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which paths it takes; a private one takes none, other components call it.
    pub pattern: Option<RoutePattern>,
    /// The id of the component that answers.
    pub component: String,
    /// What stands in front of the component, outermost first.
    pub middleware: Vec<Dependency>,
    /// Names the component with just this in front of it.
    pub root: String,
}

/// `static_response`: what a route answers without a component.
#[derive(Debug, Clone)]
pub struct StaticAnswer {
    /// Its status.
    pub status: http::StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body.
    pub body: String,
}

/// One `[component.<id>]`. Holds secrets in its variables, so it has no `Debug`.
pub struct Component {
    /// Its id, kebab-case.
    pub id: String,
    /// Where its code is.
    pub source: Source,
    /// Its own variables, expanded.
    pub variables: HashMap<String, String>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// Where it may connect to.
    pub allowed_hosts: AllowedHosts,
    /// The key-value stores that it may open.
    pub key_value_stores: BTreeSet<String>,
    /// Folders it may read.
    pub mounts: Vec<Mount>,
    /// Which of its imports other components answer.
    pub dependencies: Vec<Dependency>,
    /// Limits of its own.
    pub limits: Limits,
}

/// A host folder that a component sees, read-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// On the host.
    pub source: PathBuf,
    /// In the guest, absolute.
    pub destination: String,
}

/// `[component.<id>.tool.image2model]`; what is absent is as `[application.tool.image2model]` says, else the host's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one instance, in bytes.
    pub memory: Option<usize>,
    /// How long one request may take without any progress.
    pub request_timeout: Option<Duration>,
    /// How long one request may take from head to head, however it progresses.
    pub request_deadline: Option<Duration>,
    /// How long one request may compute.
    pub cpu_time: Option<Duration>,
    /// How many requests it may answer at a time.
    pub max_concurrent: Option<usize>,
    /// How many more may wait for their turn.
    pub max_queued: Option<usize>,
    /// How long they wait.
    pub queue_wait: Option<Duration>,
    /// The largest body of a request, bytes.
    pub max_body: Option<u64>,
    /// How long an answer's body may go on being made.
    pub stream: Option<Duration>,
}

impl Limits {
    /// These, and where there is none that of all components.
    fn or(self, of_all: Self) -> Self {
        Self {
            memory: self.memory.or(of_all.memory),
            request_timeout: self.request_timeout.or(of_all.request_timeout),
            request_deadline: self.request_deadline.or(of_all.request_deadline),
            cpu_time: self.cpu_time.or(of_all.cpu_time),
            max_concurrent: self.max_concurrent.or(of_all.max_concurrent),
            max_queued: self.max_queued.or(of_all.max_queued),
            queue_wait: self.queue_wait.or(of_all.queue_wait),
            max_body: self.max_body.or(of_all.max_body),
            stream: self.stream.or(of_all.stream),
        }
    }
}

/// Who answers an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Where the manifest says so.
    pub place: Place,
    /// The import it answers: `ns:package/interface@1.0.0`, or `ns:package@1.0.0` for all of a package.
    pub import: String,
    /// Where the answering component comes from.
    pub source: DependencySource,
    /// Its export, when that is named differently.
    pub export: Option<String>,
    /// What it may use of the depending component's grants.
    pub inherit: Inherit,
}

/// Where a dependency comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencySource {
    /// Another component of the manifest.
    Component(String),
    /// A file, or code elsewhere.
    Code(Source),
}

/// What a dependency may use of the depending component's grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// Everything.
    All,
    /// These; an empty list is nothing at all.
    Only(BTreeSet<Configuration>),
    /// Nothing, and nobody has said so.
    Unsaid,
}

impl Inherit {
    /// Whether `configuration` is inherited.
    pub fn includes(&self, configuration: Configuration) -> bool {
        match self {
            Self::All => true,
            Self::Only(list) => list.contains(&configuration),
            Self::Unsaid => false,
        }
    }
}

/// The kinds of configuration that a dependency can inherit, named as in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Spin's own, see `name`")]
pub enum Configuration {
    AiModels,
    AllowedOutboundHosts,
    Environment,
    Files,
    KeyValueStores,
    SqliteDatabases,
    Variables,
}

impl Configuration {
    const ALL: [Self; 7] = [
        Self::AiModels,
        Self::AllowedOutboundHosts,
        Self::Environment,
        Self::Files,
        Self::KeyValueStores,
        Self::SqliteDatabases,
        Self::Variables,
    ];

    /// The manifest's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AiModels => "ai_models",
            Self::AllowedOutboundHosts => "allowed_outbound_hosts",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::KeyValueStores => "key_value_stores",
            Self::SqliteDatabases => "sqlite_databases",
            Self::Variables => "variables",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

impl Application {
    /// Reads the manifest at `path`; paths in it are relative to its folder. `overrides` are the variables given from
    /// outside, `profile` is the one chosen of the components' `profile` tables.
    pub fn load(path: &Path, overrides: &HashMap<String, String>, profile: Option<&str>) -> Result<Self, EdgeError> {
        let text = std::fs::read_to_string(path).map_err(|source| EdgeError::Read {
            what: "the manifest".into(),
            path: path.into(),
            source,
        })?;
        Self::parse(&text, path, overrides, profile)
    }

    /// As [`load`](Self::load), from `text`; `path` is only used for names and relative paths.
    pub fn parse(
        text: &str,
        path: &Path,
        overrides: &HashMap<String, String>,
        profile: Option<&str>,
    ) -> Result<Self, EdgeError> {
        let syntax = |error: toml::de::Error| EdgeError::Syntax {
            path: path.into(),
            line: error.span().map_or(1, |span| lines::line_of(text, span.start)),
            message: error.message().to_owned(),
        };
        let mut lines = Lines::of(text).map_err(syntax)?;
        let mut manifest: schema::Manifest = toml::from_str(text).map_err(syntax)?;
        refuse::application(&manifest, &lines)?;
        if let Some(profile) = profile {
            choose(&mut manifest, &mut lines, profile)?;
        }
        let base = path.parent().unwrap_or(Path::new("."));
        let values = template::Values::new(&manifest.variables, overrides, &lines)?;
        let above = Spot { words: "the application".into(), lines: lines.get(["application"]) };
        let of_all = components::limits(&above, manifest.application.tool.own)?;
        let mut missing = BTreeSet::new();
        let mut components = BTreeMap::new();
        for (id, component) in manifest.component {
            let own = lines.get(["component", &id]);
            refuse::component(&id, &component, own)?;
            let mut component = components::resolve(&id, component, base, &values, &mut missing, own)?;
            component.limits = component.limits.or(of_all);
            components.insert(id, component);
        }
        if !missing.is_empty() {
            let declared = |name: String| lines.place(["variables", &name], name.as_str());
            return Err(EdgeError::MissingVariables { variables: missing.into_iter().map(declared).collect() });
        }
        let (routes, answers) = routes(manifest.trigger.http, &components, &lines, base)?;
        check_dependencies(&components, &routes)?;
        let (name, version) = (manifest.application.name, manifest.application.version);
        Ok(Self { name, version, routes, answers, components, lines })
    }

    /// The place of a key in a component's table.
    pub fn place(&self, id: &str, key: &[&str]) -> Place {
        let path = ["component", id].into_iter().chain(key.iter().copied());
        self.lines.place(path, format!("component {id:?}"))
    }
}

/// Lays the profile `name` over every component that has it. A name that none has is a slip of the pen.
fn choose(manifest: &mut schema::Manifest, lines: &mut Lines, name: &str) -> Result<(), EdgeError> {
    let known: BTreeSet<&String> = manifest.component.values().flat_map(|component| component.profile.keys()).collect();
    if !known.iter().any(|known| *known == name) {
        let others: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        return Err(EdgeError::invalid(
            format!("profile {name:?}"),
            format!("no component has it; there are: {others}"),
        ));
    }
    let all = std::mem::take(&mut manifest.component);
    manifest.component = all.into_iter().map(|(id, component)| (id, component.under(name))).collect();
    lines.under(name);
    Ok(())
}

/// Routes to components, and those with an answer of their own.
type Routes = (Vec<Route>, Vec<(RoutePattern, StaticAnswer)>);

/// The routes, each naming a component that exists, no two alike.
fn routes(
    triggers: Vec<schema::HttpTrigger>,
    components: &BTreeMap<String, Component>,
    lines: &Lines,
    base: &Path,
) -> Result<Routes, EdgeError> {
    let (mut routes, mut answers): Routes = (Vec::with_capacity(triggers.len()), Vec::new());
    for (index, trigger) in triggers.into_iter().enumerate() {
        let words = match &trigger.route {
            Some(schema::TextOr::Text(route)) => format!("route {route:?}"),
            _ => format!("[[trigger.http]] number {}", index + 1),
        };
        let spot = Spot { words, lines: lines.get(["trigger", "http", index.to_string().as_str()]) };
        let refuse::Trigger { route, middleware, answer } = refuse::trigger(&spot, trigger, base)?;
        let place = || spot.key(["route"]);
        let pattern = route.map(|route| RoutePattern::parse(&route)).transpose();
        let pattern = pattern.map_err(|message| EdgeError::invalid(place(), message))?;
        let known = routes.iter().filter_map(|route| route.pattern.as_ref());
        let mut known = known.chain(answers.iter().map(|(pattern, _)| pattern));
        if let Some(other) = known.find(|other| pattern.as_ref().is_some_and(|pattern| other.is_same_as(pattern))) {
            return Err(EdgeError::invalid(place(), format!("takes the same paths as {:?}", other.as_str())));
        }
        match answer {
            refuse::Answer::Component(component) if components.contains_key(&component) => {
                let root = root(&routes, &component, &middleware);
                routes.push(Route { pattern, component, middleware, root });
            }
            refuse::Answer::Component(component) => {
                let place = spot.key(["component"]);
                return Err(EdgeError::invalid(place, format!("there is no [component.{component}]")));
            }
            refuse::Answer::Static(answer) => {
                let place = spot.called(["static_response"], "`static_response`");
                let answer = answer.read(&place)?;
                answers.extend(pattern.map(|pattern| (pattern, answer)));
            }
        }
    }
    Ok((routes, answers))
}

/// The name of a component with this in front of it: that of a route which has the same, else a new one.
fn root(routes: &[Route], component: &str, middleware: &[Dependency]) -> String {
    let same = |route: &&Route| {
        let pairs = || route.middleware.iter().zip(middleware);
        route.component == component
            && route.middleware.len() == middleware.len()
            && pairs().all(|(a, b)| a.source == b.source && a.inherit == b.inherit)
    };
    match routes.iter().find(same) {
        Some(route) => route.root.clone(),
        None if middleware.is_empty() => component.to_owned(),
        // No id of a component has a `+`.
        None => format!("{component}+{}", routes.len()),
    }
}

/// Whether everything that depends on a component of the manifest depends on one that is there.
fn check_dependencies(components: &BTreeMap<String, Component>, routes: &[Route]) -> Result<(), EdgeError> {
    let all = components.values().flat_map(|component| &component.dependencies);
    for dependency in all.chain(routes.iter().flat_map(|route| &route.middleware)) {
        let DependencySource::Component(id) = &dependency.source else { continue };
        if !components.contains_key(id) {
            return Err(EdgeError::invalid(dependency.place.clone(), format!("there is no [component.{id}]")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
