//! The metrics of each host process and of the components in it. Processes are told apart by a digest, not by their names.

use serde_json::Value;

use super::exposition::{Family, Kind, Labels, number};
use crate::hosts::processes::{Component, HostProcess};

/// All of them; none on Spin, but for workers and stream servers.
pub(super) fn families(hosts: &[HostProcess]) -> Vec<Family> {
    let mut all = of_processes(hosts);
    all.extend(of_components(hosts));
    all
}

fn of_processes(hosts: &[HostProcess]) -> Vec<Family> {
    let family = |kind, name, help, of: &dyn Fn(&HostProcess) -> Option<f64>| {
        let mut family = Family::new(kind, name, help);
        for host in hosts {
            family.add_some(vec![("host", host.label()), ("role", host.role.clone())], of(host));
        }
        family
    };
    let gauge = |name, help, of: &dyn Fn(&HostProcess) -> Option<f64>| family(Kind::Gauge, name, help, of);
    let counter = |name, help, of: &dyn Fn(&HostProcess) -> Option<f64>| family(Kind::Counter, name, help, of);
    let streams = |host: &HostProcess, name: &str| host.streams.get(name).and_then(Value::as_f64);
    vec![
        gauge("image2model_host_uptime_seconds", "How long a process has lived.", &|h| Some(number(h.uptime_seconds))),
        gauge("image2model_host_memory_bytes", "Resident memory of a process.", &|h| h.measured("/memory_bytes")),
        counter("image2model_host_cpu_seconds", "Processor time of a process.", &|h| h.measured("/cpu_seconds")),
        gauge("image2model_streams_open", "Event streams open.", &|h| streams(h, "open")),
        counter("image2model_streams_opened", "Event streams opened.", &|h| streams(h, "opened")),
        counter("image2model_streams_refused", "Event streams refused at a cap.", &|h| streams(h, "refused")),
        counter("image2model_stream_frames", "Frames handed to event streams.", &|h| streams(h, "frames")),
    ]
}

fn of_components(hosts: &[HostProcess]) -> Vec<Family> {
    let each = || hosts.iter().flat_map(|host| host.components.iter().map(move |component| (host, component)));
    let family = |kind, name, help, of: fn(&Component) -> u64| {
        let mut family = Family::new(kind, name, help);
        for (host, component) in each() {
            family.add(labels(host, component), number(of(component)));
        }
        family
    };
    let seconds = |name, help, of: fn(&Component) -> u64| {
        let mut family = Family::new(Kind::Counter, name, help);
        for (host, component) in each() {
            family.add(labels(host, component), number(of(component)) / 1000.0);
        }
        family
    };
    let help = "Time from a request's head to its answer's, or of a call from native code.";
    let mut took = Family::new(Kind::Histogram, "image2model_component_duration_seconds", help);
    for (host, component) in each().filter(|(host, c)| c.duration_buckets.len() == host.duration_bounds_ms.len() + 1) {
        let bounds: Vec<f64> = host.duration_bounds_ms.iter().map(|ms| number(*ms) / 1000.0).collect();
        let sum = number(component.duration_ms) / 1000.0;
        took.add_histogram(&labels(host, component), &bounds, &component.duration_buckets, sum);
    }
    vec![
        family(Kind::Counter, "image2model_component_requests", "Requests and native calls of a component.", |c| {
            c.requests
        }),
        family(Kind::Counter, "image2model_component_errors", "Of these, answered 5xx or not at all.", |c| c.errors),
        took,
        family(
            Kind::Counter,
            "image2model_component_traps",
            "Instances that ended because of what their guest did.",
            |c| c.traps,
        ),
        family(Kind::Counter, "image2model_component_timeouts", "Requests given up because they took too long.", |c| {
            c.timeouts
        }),
        family(Kind::Counter, "image2model_component_refused", "Requests that found no place in time.", |c| c.refused),
        family(
            Kind::Counter,
            "image2model_component_too_large",
            "Requests whose body was larger than it may be.",
            |c| c.too_large,
        ),
        seconds("image2model_component_cpu_seconds", "Time that its guests computed, sampled.", |c| c.cpu_ms),
        seconds("image2model_component_queue_seconds", "Time that requests waited for their turn.", |c| c.queued_ms),
        family(Kind::Gauge, "image2model_component_memory_bytes", "Memory of its instances.", |c| c.memory_bytes),
        family(Kind::Gauge, "image2model_component_instances", "Instances that live.", |c| c.instances),
    ]
}

fn labels(host: &HostProcess, component: &Component) -> Labels {
    vec![("host", host.label()), ("component", component.id.clone())]
}
