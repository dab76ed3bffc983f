//! What Spin knows and this host does not do, refused by name with the reason.

use toml::Value;

use super::schema::{Component, HttpTrigger, Manifest, StaticResponse};
use crate::edge::EdgeError;

/// Checks the tables above the components; answers the HTTP triggers.
pub(super) fn application(
    manifest: &Manifest,
    syntax: &dyn Fn(String) -> EdgeError,
) -> Result<Vec<HttpTrigger>, EdgeError> {
    if manifest.spin_manifest_version != 2 {
        let reason = format!("version {} (run `spin doctor` to move to 2)", manifest.spin_manifest_version);
        return Err(EdgeError::unsupported("the manifest", "spin_manifest_version", reason));
    }
    if let Some(kind) = manifest.application.trigger.keys().next() {
        let key = format!("trigger.{kind}");
        return Err(EdgeError::unsupported("[application]", &key, "no trigger has application-wide settings here"));
    }
    let mut triggers = Vec::new();
    for (kind, value) in &manifest.trigger {
        if kind != "http" {
            let place = format!("[[trigger.{kind}]]");
            return Err(EdgeError::unsupported(place, kind, "this host answers HTTP only"));
        }
        let list: Vec<HttpTrigger> =
            value.clone().try_into().map_err(|e: toml::de::Error| syntax(format!("in [[trigger.http]]: {e}")))?;
        triggers = list;
    }
    Ok(triggers)
}

/// Who answers a route.
pub(super) enum Answer {
    Component(String),
    Static(StaticResponse),
}

/// The route of one trigger, and who answers it.
pub(super) fn trigger(index: usize, trigger: HttpTrigger) -> Result<(String, Answer), EdgeError> {
    let place = match &trigger.route {
        Some(Value::String(route)) => format!("route {route:?}"),
        _ => format!("[[trigger.http]] number {}", index + 1),
    };
    let unsupported = |key: &str, reason: &str| Err(EdgeError::unsupported(place.clone(), key, reason));
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
            return Err(EdgeError::invalid(place, "has a `component` and a `static_response`: which?"));
        }
        (None, Some(answer)) => Answer::Static(answer),
        (Some(Value::String(id)), None) => Answer::Component(id),
        (Some(_), None) => {
            return unsupported("component", "write the component as a [component.<id>] table and name it here");
        }
        (None, None) => return Err(EdgeError::invalid(place, "has no `component`")),
    };
    match trigger.route {
        Some(Value::String(route)) => Ok((route, answer)),
        Some(_) => {
            unsupported("route", "private routes (service chaining) are not served here: give it a public route")
        }
        None => Err(EdgeError::invalid(place, "has no `route`")),
    }
}

/// Checks the keys of one component that are not used here.
pub(super) fn component(id: &str, component: &Component) -> Result<(), EdgeError> {
    let place = || format!("component {id:?}");
    let lists: [(&str, bool, &str); 6] = [
        ("exclude_files", !component.exclude_files.is_empty(), "mount a folder that holds only what may be seen"),
        ("allowed_http_hosts", !component.allowed_http_hosts.is_empty(), "write `allowed_outbound_hosts`"),
        ("key_value_stores", !component.key_value_stores.is_empty(), "key-value stores are not offered here yet"),
        ("sqlite_databases", !component.sqlite_databases.is_empty(), "SQLite is not offered here"),
        ("ai_models", !component.ai_models.is_empty(), "inference is not offered here"),
        ("profile", !component.profile.is_empty(), "build profiles are not read here yet"),
    ];
    match lists.into_iter().find(|(_, used, _)| *used) {
        Some((key, _, reason)) => Err(EdgeError::unsupported(place(), key, reason)),
        None => Ok(()),
    }
}
