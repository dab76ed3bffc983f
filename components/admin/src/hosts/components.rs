//! `GET /admin/components`: the components as their hosts have them, each with its releases.

use std::collections::BTreeMap;

use futures::try_join;
use image2model_domain::commands::ReadRollouts;
use image2model_domain::rollout::Rollout;
use image2model_kit::{Context, Failure, Reply, redis, reply};
use serde_json::{Value, json};

use super::processes::{self, Component, HostProcess};
use crate::{audit, releases};

/// Answers every component, in sum and by host.
pub(crate) async fn list(context: Context) -> Result<Reply, Failure> {
    audit::asked(&context, &json!({}));
    let (hosts, rollouts) = try_join!(processes::alive(), redis::run(&ReadRollouts { component: None }))?;
    reply::json(200, &overview(&hosts, &rollouts))
}

/// What `/admin/components` answers, and `/admin/system-info` shows.
pub(crate) fn overview(hosts: &[HostProcess], rollouts: &[(String, Rollout)]) -> Value {
    let owned = hosts.iter().any(|host| host.serves_components);
    json!({
        "owner": if owned { "image2model" } else { "spin" },
        "components": together(hosts, rollouts),
        "message": if owned { Value::Null } else { json!("No image2model host serves components: Spin does, and keeps no count of them for us.") },
    })
}

/// By id: the sums, and each host's part in them.
fn together(hosts: &[HostProcess], rollouts: &[(String, Rollout)]) -> Vec<Value> {
    let mut by_id: BTreeMap<&str, Vec<(&HostProcess, &Component)>> = BTreeMap::new();
    for host in hosts {
        for component in &host.components {
            by_id.entry(&component.id).or_default().push((host, component));
        }
    }
    let rollout = |id: &str| {
        let found = rollouts.iter().find(|(of, _)| of == id).map(|(_, rollout)| rollout.clone());
        releases::shown(&found.unwrap_or_default(), id, hosts)
    };
    by_id.into_iter().filter_map(|(id, parts)| summed(&parts, rollout(id))).collect()
}

fn summed(parts: &[(&HostProcess, &Component)], rollout: Value) -> Option<Value> {
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
        "rollout": rollout,
        "hosts": hosts,
    }))
}

fn of_host(host: &HostProcess, c: &Component) -> Value {
    json!({
        "host": host.id, "version": c.version, "digest": c.digest, "requests": c.requests, "errors": c.errors,
        "duration_ms": c.duration_ms, "memory_bytes": c.memory_bytes, "instances": c.instances,
        "traps": c.traps, "timeouts": c.timeouts, "refused": c.refused, "too_large": c.too_large, "cpu_ms": c.cpu_ms,
        "queued_ms": c.queued_ms,
    })
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
        let shown = overview(&[host("a", false, 1), host("b", true, 2), host("c", true, 3)], &[]);
        assert_eq!(shown["owner"], "image2model");
        assert_eq!(overview(&[], &[])["owner"], "spin");
        let admin = &shown["components"][0];
        assert_eq!(
            (&admin["requests"], &admin["average_ms"], &admin["kind"]),
            (&json!(6), &json!(10), &json!("endpoint"))
        );
        assert_eq!(admin["hosts"].as_array().unwrap().len(), 3);
    }
}
