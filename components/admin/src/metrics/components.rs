//! The metrics of each component in each host process: what it is asked, what it takes, which of its bounds it meets, and
//! which generation of it answers. What Spin counts of a component is also here by Spin's names, as Prometheus writes them,
//! so that what was made for Spin's metrics reads ours; and what OpenTelemetry counts of HTTP by its names.

use std::collections::BTreeSet;

use image2model_domain::rollout::Rollout;

use super::exposition::{Family, Kind, Labels, number};
use crate::hosts::processes::{Component, HostProcess};

/// How much of a digest tells generations apart.
const DIGEST: usize = 12;

type One<'a> = (&'a HostProcess, &'a Component);

/// All of them.
pub(super) fn families(hosts: &[HostProcess]) -> Vec<Family> {
    let each: Vec<One<'_>> =
        hosts.iter().flat_map(|host| host.components.iter().map(move |component| (host, component))).collect();
    let mut all = Vec::from(asked(&each));
    all.extend(taken(&each));
    all.extend(bounds(&each));
    all.push(generations(&each));
    all.extend(as_spin_has_them(&each));
    all.push(as_opentelemetry_has_it(&each));
    all
}

/// Adds times that a host counted by its bounds.
fn add_times(family: &mut Family, host: &HostProcess, labels: &Labels, counts: &[u64], sum: f64) {
    if counts.len() == host.duration_bounds_ms.len() + 1 {
        let bounds: Vec<f64> = host.duration_bounds_ms.iter().map(|ms| number(*ms) / 1000.0).collect();
        family.add_histogram(labels, &bounds, counts, sum);
    }
}

fn family(each: &[One<'_>], kind: Kind, name: &'static str, help: &'static str, of: fn(&Component) -> u64) -> Family {
    let mut family = Family::new(kind, name, help);
    for (host, component) in each {
        family.add(labels(host, component), number(of(component)));
    }
    family
}

fn seconds(each: &[One<'_>], name: &'static str, help: &'static str, of: fn(&Component) -> u64) -> Family {
    let mut family = Family::new(Kind::Counter, name, help);
    for (host, component) in each {
        family.add(labels(host, component), number(of(component)) / 1000.0);
    }
    family
}

fn asked(each: &[One<'_>]) -> [Family; 4] {
    let counter = |name, help, of: fn(&Component) -> u64| family(each, Kind::Counter, name, help, of);
    let help = "Time from a request's head to its answer's, or of a call from native code.";
    let mut took = Family::new(Kind::Histogram, "image2model_component_duration_seconds", help);
    for (host, component) in each {
        let sum = number(component.duration_ms) / 1000.0;
        add_times(&mut took, host, &labels(host, component), &component.duration_buckets, sum);
    }
    [
        counter("image2model_component_requests", "Requests and native calls of a component.", |c| c.requests),
        counter("image2model_component_errors", "Of these, answered 5xx or not at all.", |c| c.errors),
        family(each, Kind::Gauge, "image2model_component_active_requests", "Requests being answered.", |c| c.active),
        took,
    ]
}

fn taken(each: &[One<'_>]) -> [Family; 4] {
    let gauge = |name, help, of: fn(&Component) -> u64| family(each, Kind::Gauge, name, help, of);
    [
        seconds(each, "image2model_component_cpu_seconds", "Time that its guests computed.", |c| c.cpu_ms),
        seconds(each, "image2model_component_queue_seconds", "Time that requests waited for their turn.", |c| {
            c.queued_ms
        }),
        gauge("image2model_component_memory_bytes", "Memory of its instances.", |c| c.memory_bytes),
        gauge("image2model_component_instances", "Instances that live.", |c| c.instances),
    ]
}

fn bounds(each: &[One<'_>]) -> [Family; 8] {
    let counter = |name, help, of: fn(&Component) -> u64| family(each, Kind::Counter, name, help, of);
    [
        counter("image2model_component_traps", "Instances that ended because of what their guest did.", |c| c.traps),
        counter(
            "image2model_component_memory_denied",
            "Times that a guest wanted more memory than it may have.",
            |c| c.memory_denied,
        ),
        counter("image2model_component_cpu_exceeded", "Times that a guest computed for longer than it may.", |c| {
            c.cpu_exceeded
        }),
        counter("image2model_component_timeouts", "Requests given up because they took too long.", |c| c.timeouts),
        counter("image2model_component_refused", "Requests that found no place in time.", |c| c.refused),
        counter("image2model_component_too_large", "Requests whose body was larger than it may be.", |c| c.too_large),
        counter("image2model_component_cut_off", "Answers that went on for longer than they may.", |c| c.cut_off),
        counter("image2model_component_made_room", "Requests of slow clients that made room for others.", |c| {
            c.made_room
        }),
    ]
}

/// Which one each host serves, to see a swap go round.
fn generations(each: &[One<'_>]) -> Family {
    let help = "What is served of a component: the beginning of its file's SHA-256.";
    let mut family = Family::new(Kind::Info, "image2model_component_generation", help);
    for (host, component) in each {
        let digest: String = component.digest.trim_start_matches("sha256:").chars().take(DIGEST).collect();
        let mut labels = labels(host, component);
        labels.extend([("version", component.version.clone()), ("digest", digest)]);
        family.add(labels, 1.0);
    }
    family
}

/// What is tried on some callers, by the records that all hosts follow: a host's generation is what it serves to the others.
pub(super) fn trials(hosts: &[HostProcess], rollouts: &[(String, Rollout)]) -> Family {
    let help = "Of a hundred callers, how many are served a release on trial; 0 while none is tried.";
    let mut family = Family::new(Kind::Gauge, "image2model_component_trial_percent", help);
    let ids: BTreeSet<&String> =
        hosts.iter().flat_map(|host| &host.components).map(|component| &component.id).collect();
    for id in ids {
        let canary = rollouts.iter().find(|(of, _)| of == id).and_then(|(_, rollout)| rollout.canary.as_ref());
        let weight = canary.map(|canary| canary.weight).unwrap_or_default();
        family.add(vec![("component", id.clone())], f64::from(weight));
    }
    family
}

/// `spin.request_count`, `spin.component_cpu_time` and `spin.component_memory_used`.
fn as_spin_has_them(each: &[One<'_>]) -> [Family; 3] {
    let mut requests = Family::new(Kind::Counter, "spin_request_count", "As image2model_component_requests_total.");
    let help = "Time that guests computed, over all requests.";
    let mut cpu = Family::new(Kind::Summary, "spin_component_cpu_time_seconds", help);
    let help = "As image2model_component_memory_bytes.";
    let mut memory = Family::new(Kind::Gauge, "spin_component_memory_used_bytes", help);
    for (host, component) in each {
        let labels = vec![("host", host.label()), ("component_id", component.id.clone())];
        let mut of_trigger = labels.clone();
        of_trigger.push(("trigger_type", "http".to_owned()));
        requests.add(of_trigger, number(component.requests));
        cpu.add_summary(&labels, component.requests, number(component.cpu_ms) / 1000.0);
        memory.add(labels, number(component.memory_bytes));
    }
    [requests, cpu, memory]
}

/// `http.server.request.duration`.
fn as_opentelemetry_has_it(each: &[One<'_>]) -> Family {
    let help = "Time from a request's head to its answer's.";
    let mut took = Family::new(Kind::Histogram, "http_server_request_duration_seconds", help);
    for (host, component) in each {
        for answers in &component.answers {
            let mut labels = vec![("host", host.label()), ("component_id", component.id.clone())];
            labels.push(("http_request_method", answers.method.clone()));
            labels.push(("http_response_status_code", answers.status.to_string()));
            labels.push(("http_route", answers.route.clone()));
            labels.push(("url_scheme", answers.scheme.clone()));
            add_times(&mut took, host, &labels, &answers.buckets, number(answers.duration_us) / 1_000_000.0);
        }
    }
    took
}

fn labels(host: &HostProcess, component: &Component) -> Labels {
    vec![("host", host.label()), ("component", component.id.clone())]
}

#[cfg(test)]
mod tests {
    use image2model_domain::rollout::{Canary, Release};

    use super::*;
    use crate::metrics::exposition::{Format, write};

    #[test]
    fn a_trial_shows_once_and_none_shows_as_nothing() {
        let on = |id: &str| Component { id: id.to_owned(), ..Component::default() };
        let host = HostProcess { components: vec![on("status"), on("upload")], ..HostProcess::default() };
        let canary = Canary { release: Release::manifest(), weight: 5, by: String::new(), at: String::new() };
        let tried = Rollout { canary: Some(canary), ..Rollout::default() };
        let text = write(&[trials(&[host.clone(), host], &[("upload".to_owned(), tried)])], Format::Prometheus);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let wanted = [("status", 0), ("upload", 5)]
            .map(|(id, weight)| format!("image2model_component_trial_percent{{component=\"{id}\"}} {weight}"));
        assert_eq!(samples, wanted);
    }
}
