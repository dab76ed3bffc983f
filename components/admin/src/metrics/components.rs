//! The metrics of each component in each host process: what it is asked, what it takes, which of its bounds it meets, and
//! which generation of it answers. What Spin counts of a component is also here by Spin's names, as Prometheus writes them,
//! so that what was made for Spin's metrics reads ours; and what OpenTelemetry counts of HTTP by its names.

use std::collections::BTreeSet;

use image2model_domain::digest::short_digest;
use image2model_domain::meter::{self, Meter};
use image2model_domain::rollout::Rollout;

use super::exposition::{Family, Kind, Labels, number};
use crate::hosts::processes::{Component, HostProcess};

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

fn counts(each: &[One<'_>], meter: &Meter, of: fn(&Component) -> u64) -> Family {
    let mut family = Family::of(meter);
    for (host, component) in each {
        family.add(labels(host, component), number(of(component)));
    }
    family
}

fn seconds(each: &[One<'_>], meter: &Meter, of_ms: fn(&Component) -> u64) -> Family {
    let mut family = Family::of(meter);
    for (host, component) in each {
        family.add(labels(host, component), number(of_ms(component)) / 1000.0);
    }
    family
}

fn asked(each: &[One<'_>]) -> [Family; 4] {
    let mut took = Family::of(&meter::DURATION);
    for (host, component) in each {
        let sum = number(component.duration_ms) / 1000.0;
        add_times(&mut took, host, &labels(host, component), &component.duration_buckets, sum);
    }
    [
        counts(each, &meter::REQUESTS, |c| c.requests),
        counts(each, &meter::ERRORS, |c| c.errors),
        counts(each, &meter::ACTIVE, |c| c.active),
        took,
    ]
}

fn taken(each: &[One<'_>]) -> [Family; 4] {
    [
        seconds(each, &meter::CPU, |c| c.cpu_ms),
        seconds(each, &meter::QUEUE, |c| c.queued_ms),
        counts(each, &meter::MEMORY, |c| c.memory_bytes),
        counts(each, &meter::INSTANCES, |c| c.instances),
    ]
}

fn bounds(each: &[One<'_>]) -> [Family; 8] {
    [
        counts(each, &meter::TRAPS, |c| c.traps),
        counts(each, &meter::MEMORY_DENIED, |c| c.memory_denied),
        counts(each, &meter::CPU_EXCEEDED, |c| c.cpu_exceeded),
        counts(each, &meter::TIMEOUTS, |c| c.timeouts),
        counts(each, &meter::REFUSED, |c| c.refused),
        counts(each, &meter::TOO_LARGE, |c| c.too_large),
        counts(each, &meter::CUT_OFF, |c| c.cut_off),
        counts(each, &meter::MADE_ROOM, |c| c.made_room),
    ]
}

/// Which one each host serves, to see a swap go round.
fn generations(each: &[One<'_>]) -> Family {
    let mut family = Family::told_as(Kind::Info, &meter::GENERATION);
    for (host, component) in each {
        let mut labels = labels(host, component);
        labels.extend([("version", component.version.clone()), ("digest", short_digest(&component.digest))]);
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
    let mut requests = Family::of(&meter::SPIN_REQUESTS);
    let mut cpu = Family::told_as(Kind::Summary, &meter::SPIN_CPU);
    let mut memory = Family::of(&meter::SPIN_MEMORY);
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
    let mut took = Family::of(&meter::HTTP_DURATION);
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
