//! `GET /admin/components`, and exchanging one: the components as their hosts have them.

use std::collections::BTreeMap;

use image2model_domain::Problem;
use image2model_kit::{Context, Failure, Reply, reply};
use serde_json::{Value, json};

use super::processes::{self, Component, HostProcess};
use crate::audit;

const ON_SPIN: &str = "On Spin the components belong to Spin, which has no word for this at run time. Build the new component, \
    put it in spin.toml in the old one's place and run `spin up` or `spin deploy`; to go back, deploy the former release.";
const ON_OUR_HOST: &str = "This release of the host does not exchange components while it runs. Put the new component's file in \
    the old one's place, prove it with `image2model check` and restart the hosts one after another: requests are finished first.";

/// Answers every component, in sum and by host.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    let hosts = processes::alive().await?;
    reply::json(200, &overview(&hosts))
}

/// What `/admin/components` answers, and `/admin/system-info` shows.
pub(crate) fn overview(hosts: &[HostProcess]) -> Value {
    let owned = hosts.iter().any(|host| host.serves_components);
    json!({
        "owner": if owned { "image2model" } else { "spin" },
        "components": together(hosts),
        "message": if owned { Value::Null } else { json!("No image2model host serves components: Spin does, and keeps no count of them for us.") },
    })
}

/// By id: the sums, and each host's part in them.
fn together(hosts: &[HostProcess]) -> Vec<Value> {
    let mut by_id: BTreeMap<&str, Vec<(&HostProcess, &Component)>> = BTreeMap::new();
    for host in hosts {
        for component in &host.components {
            by_id.entry(&component.id).or_default().push((host, component));
        }
    }
    by_id.into_values().filter_map(|parts| summed(&parts)).collect()
}

fn summed(parts: &[(&HostProcess, &Component)]) -> Option<Value> {
    let (_, first) = parts.iter().find(|(host, _)| host.serves_components).or_else(|| parts.first())?;
    let sum = |of: fn(&Component) -> u64| parts.iter().map(|(_, component)| of(component)).sum::<u64>();
    let (requests, duration_ms) = (sum(|c| c.requests), sum(|c| c.duration_ms));
    let hosts: Vec<Value> = parts.iter().map(|(host, c)| of_host(host, c)).collect();
    Some(json!({
        "id": first.id,
        "kind": if first.routes.is_empty() { "library" } else { "endpoint" },
        "version": first.version,
        "digest": first.digest,
        "routes": first.routes,
        "used_by": first.used_by,
        "requests": requests,
        "errors": sum(|c| c.errors),
        "average_ms": duration_ms.checked_div(requests).unwrap_or_default(),
        "memory_bytes": sum(|c| c.memory_bytes),
        "instances": sum(|c| c.instances),
        "hosts": hosts,
    }))
}

fn of_host(host: &HostProcess, c: &Component) -> Value {
    json!({
        "host": host.id, "version": c.version, "digest": c.digest, "requests": c.requests, "errors": c.errors,
        "duration_ms": c.duration_ms, "memory_bytes": c.memory_bytes, "instances": c.instances,
    })
}

/// `swap`, `rollback` and `canary` of one component: 501 with what to do instead, 404 for one that no host has.
pub(crate) async fn exchange(context: Context) -> Result<Reply, Failure> {
    let id = context.param("id").to_owned();
    audit::asked(&context, &json!({ "component": id }));
    Err(refusal(&processes::alive().await?, &id).into())
}

fn refusal(hosts: &[HostProcess], id: &str) -> Problem {
    let owners: Vec<&HostProcess> = hosts.iter().filter(|host| host.serves_components).collect();
    if owners.is_empty() {
        return Problem::new(501, "NOT_ON_SPIN", ON_SPIN);
    }
    if !owners.iter().any(|host| host.components.iter().any(|component| component.id == id)) {
        return Problem::new(
            404,
            "COMPONENT_NOT_FOUND",
            "No host has a component of this id; see GET /api/v1/admin/components.",
        );
    }
    Problem::new(501, "SWAP_NOT_SUPPORTED", ON_OUR_HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(id: &str, serves_components: bool, requests: u64) -> HostProcess {
        let component = Component {
            id: "admin".into(),
            requests,
            routes: if serves_components { vec!["/health/...".into()] } else { vec![] },
            duration_ms: 10 * requests,
            ..Component::default()
        };
        HostProcess { id: id.into(), serves_components, components: vec![component], ..HostProcess::default() }
    }

    #[test]
    fn hosts_are_summed_and_still_told_apart() {
        let shown = overview(&[host("a", false, 1), host("b", true, 2), host("c", true, 3)]);
        assert_eq!(shown["owner"], "image2model");
        let admin = &shown["components"][0];
        assert_eq!(
            (&admin["requests"], &admin["average_ms"], &admin["kind"]),
            (&json!(6), &json!(10), &json!("endpoint"))
        );
        assert_eq!(admin["hosts"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn says_who_owns_the_components_and_what_to_do() {
        assert_eq!(refusal(&[host("a", false, 1)], "admin").code(), "NOT_ON_SPIN");
        assert_eq!(refusal(&[host("a", true, 1)], "other").status(), 404);
        let refused = refusal(&[host("a", true, 1)], "admin");
        assert_eq!((refused.status(), refused.code()), (501, "SWAP_NOT_SUPPORTED"));
        assert_eq!(overview(&[])["owner"], "spin");
    }
}
