//! A component's releases as operators see them. Signatures stay out of it.

use image2model_domain::rollout::{Change, Release, Report, Rollout};
use image2model_domain::time::rfc3339;
use serde_json::{Value, json};

use crate::hosts::processes::HostProcess;

/// All of a record.
pub(crate) fn rollout(rollout: &Rollout, id: &str, hosts: &[HostProcess]) -> Value {
    let of = |it: &Release| release(it, id, hosts);
    let canary = rollout.canary.as_ref();
    json!({
        "revision": rollout.revision,
        "current": of(&rollout.current),
        "previous": rollout.previous.as_ref().map(of),
        "canary": canary.map(|canary| {
            json!({ "release": of(&canary.release), "weight": canary.weight, "by": canary.by, "at": canary.at })
        }),
        "candidate": rollout.candidate.as_ref().map(|candidate| {
            let ready = candidate.reports.iter().filter(|(_, report)| matches!(report, Report::Ready));
            json!({
                "release": of(&candidate.release), "weight": candidate.weight, "by": candidate.by,
                "at": rfc3339(candidate.at_ms), "change": candidate.change,
                "hosts": ready.map(|(host, _)| host).collect::<Vec<_>>(),
            })
        }),
        "last": rollout.last.as_ref().map(|last| ended(last, &of)),
    })
}

fn ended(last: &Change, of: &dyn Fn(&Release) -> Value) -> Value {
    json!({
        "change": last.change, "action": last.action, "outcome": last.outcome, "by": last.by, "at": last.at,
        "from": of(&last.from), "to": of(&last.to), "reasons": last.reasons,
    })
}

/// One release. The digest of what the hosts' manifest names is what a host says of its file.
fn release(release: &Release, id: &str, hosts: &[HostProcess]) -> Value {
    let told = || {
        let mut components = hosts.iter().filter(|host| host.serves_components).flat_map(|host| &host.components);
        components.find(|component| component.id == id).map(|component| component.manifest_digest.clone())
    };
    let digest = if release.is_manifest() { told().unwrap_or_default() } else { release.digest.clone() };
    json!({ "source": release.source, "digest": digest })
}
