//! The metrics of each host process. Processes are told apart by a digest, not by their names.

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
