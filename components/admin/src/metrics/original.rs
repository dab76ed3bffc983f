//! The metrics that the design documents name, made of what is counted by names of our own: what was made for them reads it.

use image2model_domain::counters::Counters;

use super::exposition::{Family, Kind, number};
use super::work;
use crate::health::detailed::used_percent;
use crate::hosts::processes::HostProcess;

/// The task of the original's that made a model.
const TASK: &str = "tasks.generate_single_model";

/// Those of requests and machines; none on Spin, where no host of ours tells of them.
pub(super) fn of_hosts(hosts: &[HostProcess]) -> [Family; 3] {
    let help = "Answers by route, as http_server_request_duration_seconds_count.";
    let mut requests = Family::new(Kind::Counter, "http_requests", help);
    let help = "How busy a host's machine is: the last minute's load for each of its processors, 100 at most.";
    let mut cpu = Family::new(Kind::Gauge, "system_cpu_percent", help);
    let help = "Memory in use on a host's machine.";
    let mut memory = Family::new(Kind::Gauge, "system_memory_percent", help);
    for host in hosts {
        for (component, answers) in host.components.iter().flat_map(|c| c.answers.iter().map(move |a| (c, a))) {
            let mut labels = vec![("host", host.label()), ("component", component.id.clone())];
            labels.push(("method", answers.method.clone()));
            labels.push(("endpoint", answers.route.clone()));
            labels.push(("status", answers.status.to_string()));
            requests.add(labels, number(answers.buckets.iter().sum()));
        }
        let labels = vec![("host", host.label()), ("role", host.role.clone())];
        cpu.add_some(labels.clone(), busy_percent(host));
        let (total, free) = ("/machine/memory_total_bytes", "/machine/memory_available_bytes");
        memory.add_some(labels, used_percent(host.measured(total), host.measured(free)));
    }
    [requests, cpu, memory]
}

/// How long models took.
pub(super) fn of_tasks(counters: &Counters) -> Family {
    let mut took = Family::new(Kind::Histogram, "task_duration_seconds", "As image2model_file_duration_seconds.");
    for status in ["completed", "failed", "cancelled"] {
        let labels = vec![("task_name", TASK.to_owned()), ("status", status.to_owned())];
        work::add(&mut took, labels, &counters.file_durations(status));
    }
    took
}

fn busy_percent(host: &HostProcess) -> Option<f64> {
    let cpus = host.measured("/machine/cpus").filter(|cpus| *cpus > 0.0)?;
    Some((100.0 * host.measured("/machine/load_average/0")? / cpus).min(100.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{Format, write};

    #[test]
    fn requests_and_machines_have_the_design_documents_names() {
        let host = serde_json::from_str(
            r#"{"id": "m-1", "role": "up", "process": {"machine": {"cpus": 4, "load_average": [1.0, 9.0, 9.0],
                "memory_total_bytes": 200, "memory_available_bytes": 50}}, "components": [{"id": "status", "answers": [
                {"method": "GET", "route": "/api/v1/status/...", "status": 200, "buckets": [2, 0, 1]}]}]}"#,
        );
        let text = write(&of_hosts(&[host.unwrap()]), Format::Prometheus);
        for line in [
            "component=\"status\",method=\"GET\",endpoint=\"/api/v1/status/...\",status=\"200\"} 3\n",
            "# TYPE http_requests_total counter\n",
            "role=\"up\"} 25\n",
            "role=\"up\"} 75\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn tasks_have_the_design_documents_name_and_nothing_is_claimed_of_a_silent_machine() {
        let text = write(&[of_tasks(&Counters::read(&[]))], Format::Prometheus);
        let line = "task_duration_seconds_count{task_name=\"tasks.generate_single_model\",status=\"failed\"} 0\n";
        assert!(text.contains(line), "{text}");
        assert_eq!(write(&of_hosts(&[HostProcess::default()]), Format::Prometheus), "");
    }
}
