//! What Spin knows and this host does not do, refused by name with the reason.

use super::components::Spot;
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

/// The route of one trigger, and who answers it.
pub(super) fn trigger(spot: &Spot<'_>, trigger: HttpTrigger) -> Result<(String, Answer), EdgeError> {
    let unsupported = |key: &str, reason: &str| Err(EdgeError::unsupported(spot.key([key]), key, reason));
    if trigger.dependencies.is_some() {
        return unsupported(
            "dependencies",
            "HTTP middleware is not composed here: make it a dependency of the component",
        );
    }
    if trigger.components.is_some() {
        return unsupported("components", "Spin reserves it for the future");
    }
    if let Some(executor) = &trigger.executor
        && !matches!(executor.kind.as_str(), "http" | "spin")
    {
        return unsupported("executor", "only components that export wasi:http are run, no WAGI");
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
    match trigger.route {
        Some(TextOr::Text(route)) => Ok((route, answer)),
        Some(TextOr::Other(private)) if private.private => {
            unsupported("route", "private routes (service chaining) are not served here: give it a public route")
        }
        Some(TextOr::Other(_)) => Err(EdgeError::invalid(
            spot.key(["route"]),
            "`private = false` says nothing: write the route as text, or `private = true`",
        )),
        None => Err(EdgeError::invalid(spot.here(), "has no `route`")),
    }
}

/// Checks the keys of one component that are not used here.
pub(super) fn component(id: &str, component: &Component, lines: &Lines) -> Result<(), EdgeError> {
    let lists: [(&str, bool, &str); 5] = [
        ("exclude_files", !component.exclude_files.is_empty(), "mount a folder that holds only what may be seen"),
        ("allowed_http_hosts", !component.allowed_http_hosts.is_empty(), "write `allowed_outbound_hosts`"),
        ("key_value_stores", !component.key_value_stores.is_empty(), "key-value stores are not offered here yet"),
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
