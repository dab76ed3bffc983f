//! What Spin knows and this host does not do, refused by name with the reason.

use std::path::Path;

use super::Dependency;
use super::components::{self, Spot};
use super::lines::Lines;
use super::schema::{Component, HttpTrigger, Manifest, StaticResponse, TextOr};
use crate::edge::EdgeError;

/// Checks the tables above the components.
pub(super) fn application(manifest: &Manifest, lines: &Lines) -> Result<(), EdgeError> {
    const VERSION: &str = "spin_manifest_version";
    if manifest.spin_manifest_version != 2 {
        let reason = format!("version {} (run `spin doctor` to move to 2)", manifest.spin_manifest_version);
        return Err(EdgeError::unsupported(lines.place([VERSION], "the manifest"), VERSION, reason));
    }
    if let Some(kind) = manifest.application.trigger.keys().next() {
        let key = format!("trigger.{kind}");
        let place = lines.place(["application", "trigger", kind], "[application]");
        return Err(EdgeError::unsupported(place, &key, "no trigger has application-wide settings here"));
    }
    match manifest.trigger.others.first() {
        Some(kind) => {
            let place = lines.place(["trigger", kind, "0"], format!("[[trigger.{kind}]]"));
            Err(EdgeError::unsupported(place, kind, "this host answers HTTP only"))
        }
        None => Ok(()),
    }
}

/// Who answers a route.
pub(super) enum Answer {
    Component(String),
    Static(StaticResponse),
}

/// Which paths a trigger takes, what is in front of its component, and who answers. Without paths it is private.
pub(super) struct Trigger {
    pub route: Option<String>,
    pub middleware: Vec<Dependency>,
    pub answer: Answer,
}

/// What one trigger says.
pub(super) fn trigger(spot: &Spot<'_>, trigger: HttpTrigger, base: &Path) -> Result<Trigger, EdgeError> {
    let unsupported = |key: &str, reason: &str| Err(EdgeError::unsupported(spot.key([key]), key, reason));
    if trigger.components.is_some() {
        return unsupported("components", "Spin reserves it for the future");
    }
    if let Some(executor) = &trigger.executor
        && !matches!(executor.kind.as_str(), "http" | "spin")
    {
        return unsupported("executor", "only components that export wasi:http are run, no WAGI");
    }
    if trigger.executor.is_some_and(|executor| executor.entrypoint.is_some() || executor.argv.is_some()) {
        return Err(EdgeError::invalid(spot.key(["executor"]), "`entrypoint` and `argv` are WAGI's: leave them out"));
    }
    let answer = match (trigger.component, trigger.static_response) {
        (Some(_), Some(_)) => {
            let place = spot.key(["static_response"]);
            return Err(EdgeError::invalid(place, "has a `component` and a `static_response`: which?"));
        }
        (None, Some(answer)) => Answer::Static(answer),
        (Some(TextOr::Text(id)), None) => Answer::Component(id),
        (Some(TextOr::Other(_)), None) => {
            return unsupported("component", "write the component as a [component.<id>] table and name it here");
        }
        (None, None) => return Err(EdgeError::invalid(spot.here(), "has no `component`")),
    };
    let is_static = matches!(answer, Answer::Static(_));
    if is_static && !trigger.dependencies.middleware.is_empty() {
        let place = spot.key(["dependencies"]);
        return Err(EdgeError::invalid(place, "middleware stands in front of a component, and there is none"));
    }
    let route = match trigger.route {
        Some(TextOr::Text(route)) => Some(route),
        Some(TextOr::Other(private)) if private.private && is_static => {
            let place = spot.key(["route"]);
            return Err(EdgeError::invalid(place, "a `static_response` that nobody can ask for"));
        }
        Some(TextOr::Other(private)) if private.private => None,
        Some(TextOr::Other(_)) => {
            let message = "`private = false` says nothing: write the route as text, or `private = true`";
            return Err(EdgeError::invalid(spot.key(["route"]), message));
        }
        None => return Err(EdgeError::invalid(spot.here(), "has no `route`")),
    };
    let middleware = components::middleware(spot, trigger.dependencies.middleware, base)?;
    Ok(Trigger { route, middleware, answer })
}

/// Checks the keys of one component that are not used here.
pub(super) fn component(id: &str, component: &Component, lines: &Lines) -> Result<(), EdgeError> {
    let lists: [(&str, bool, &str); 4] = [
        ("exclude_files", !component.exclude_files.is_empty(), "mount a folder that holds only what may be seen"),
        ("allowed_http_hosts", !component.allowed_http_hosts.is_empty(), "write `allowed_outbound_hosts`"),
        ("sqlite_databases", !component.sqlite_databases.is_empty(), "SQLite is not offered here"),
        ("ai_models", !component.ai_models.is_empty(), "inference is not offered here"),
    ];
    match lists.into_iter().find(|(_, used, _)| *used) {
        Some((key, _, reason)) => {
            Err(EdgeError::unsupported(lines.place([key], format!("component {id:?}")), key, reason))
        }
        None => Ok(()),
    }
}
