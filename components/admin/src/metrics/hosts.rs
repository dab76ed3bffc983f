//! The metrics of each host process. Processes are told apart by a digest, not by their names.

use image2model_domain::meter;
use serde_json::Value;

use super::components;
use super::exposition::{Family, Kind, number};
use crate::hosts::processes::HostProcess;

/// All of them; none on Spin, but for workers and stream servers.
pub(super) fn families(hosts: &[HostProcess]) -> Vec<Family> {
    let mut all = of_processes(hosts);
    all.extend(components::families(hosts));
    all
}

fn of_processes(hosts: &[HostProcess]) -> Vec<Family> {
    let told = |mut family: Family, of: &dyn Fn(&HostProcess) -> Option<f64>| {
        for host in hosts {
            family.add_some(vec![("host", host.label()), ("role", host.role.clone())], of(host));
        }
        family
    };
    let streams = |host: &HostProcess, name: &str| host.streams.get(name).and_then(Value::as_f64);
    vec![
        told(Family::new(Kind::Gauge, "image2model_host_uptime_seconds", "How long a process has lived."), &|h| {
            Some(number(h.uptime_seconds))
        }),
        told(Family::new(Kind::Gauge, "image2model_host_memory_bytes", "Resident memory of a process."), &|h| {
            h.measured("/memory_bytes")
        }),
        told(Family::new(Kind::Counter, "image2model_host_cpu_seconds", "Processor time of a process."), &|h| {
            h.measured("/cpu_seconds")
        }),
        told(Family::of(&meter::STREAMS_OPEN), &|h| streams(h, "open")),
        told(Family::of(&meter::STREAMS_OPENED), &|h| streams(h, "opened")),
        told(Family::of(&meter::STREAMS_REFUSED), &|h| streams(h, "refused")),
        told(Family::of(&meter::STREAM_FRAMES), &|h| streams(h, "frames")),
    ]
}
