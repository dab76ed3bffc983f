//! The metrics that the design documents name, and those that the original's clients read, made of what is counted by names of
//! our own: what was made for them reads it.

use std::collections::BTreeMap;

use image2model_domain::counters::Counters;

use super::exposition::{Family, Kind, Labels, number};
use super::work;
use crate::health::detailed::used_percent;
use crate::health::probe::Report;
use crate::hosts::processes::HostProcess;

/// The task of the original's that made a model.
const TASK: &str = "tasks.generate_single_model";
/// What is told of how long requests took. Clients look for a sample of the family's very name, which of all kinds for times only
/// a summary with quantiles has.
const QUANTILES: [f64; 2] = [0.5, 0.95];

/// Those of requests and machines; none on Spin, where no host of ours tells of them.
pub(super) fn of_hosts(hosts: &[HostProcess]) -> Vec<Family> {
    let mut all = Vec::from(of_requests(hosts));
    all.extend(of_machines(hosts));
    all
}

fn of_requests(hosts: &[HostProcess]) -> [Family; 2] {
    let help = "Answers by route, as http_server_request_duration_seconds_count.";
    let mut requests = Family::new(Kind::Counter, "http_requests", help);
    let help =
        "As http_server_request_duration_seconds; quantiles are of all since the process began, read off its buckets.";
    let mut took = Family::new(Kind::Summary, "http_request_duration_seconds", help);
    for host in hosts {
        for (labels, answered) in by_endpoint(host) {
            let count = answered.buckets.iter().sum();
            for quantile in QUANTILES {
                if let Some(seconds) = at_quantile(&host.duration_bounds_ms, &answered.buckets, quantile) {
                    took.add_quantile(&labels, quantile, seconds);
                }
            }
            took.add_summary(&labels, count, number(answered.duration_us) / 1_000_000.0);
            requests.add(labels, number(count));
        }
    }
    [requests, took]
}

/// What was answered alike, over TLS or not: the original did not tell that apart.
#[derive(Default)]
struct Answered {
    duration_us: u64,
    buckets: Vec<u64>,
}

fn by_endpoint(host: &HostProcess) -> BTreeMap<Labels, Answered> {
    let mut all: BTreeMap<Labels, Answered> = BTreeMap::new();
    for (component, answers) in host.components.iter().flat_map(|c| c.answers.iter().map(move |a| (c, a))) {
        let labels = vec![
            ("host", host.label()),
            ("component", component.id.clone()),
            ("method", answers.method.clone()),
            ("endpoint", answers.route.clone()),
            ("status", answers.status.to_string()),
        ];
        let answered = all.entry(labels).or_default();
        answered.duration_us += answers.duration_us;
        answered.buckets.resize(answered.buckets.len().max(answers.buckets.len()), 0);
        answered.buckets.iter_mut().zip(&answers.buckets).for_each(|(sum, count)| *sum += count);
    }
    all
}

/// By the design documents' names, and by those that the original answered.
fn of_machines(hosts: &[HostProcess]) -> [Family; 4] {
    let gauge = |name, help, of: fn(&HostProcess) -> Option<f64>| {
        let mut family = Family::new(Kind::Gauge, name, help);
        for host in hosts {
            family.add_some(vec![("host", host.label()), ("role", host.role.clone())], of(host));
        }
        family
    };
    let busy = "How busy a host's machine is: the last minute's load for each of its processors, 100 at most.";
    let memory = "Memory in use on a host's machine.";
    [
        gauge("system_cpu_percent", busy, busy_percent),
        gauge("system_cpu_usage_percent", "As system_cpu_percent.", busy_percent),
        gauge("system_memory_percent", memory, memory_percent),
        gauge("system_memory_usage_percent", "As system_memory_percent.", memory_percent),
    ]
}

/// That of the disk which the health check looks at.
pub(super) fn of_disk(report: &Report) -> Family {
    let mut disk = Family::new(Kind::Gauge, "system_disk_usage_percent", "Space in use where uploads and results lie.");
    let details = report.check("disk_space").map(|check| &check.details);
    let bytes = |name: &str| details?.get(name)?.as_f64();
    disk.add_some(vec![], used_percent(bytes("total_bytes"), bytes("free_bytes")));
    disk
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

fn memory_percent(host: &HostProcess) -> Option<f64> {
    used_percent(host.measured("/machine/memory_total_bytes"), host.measured("/machine/memory_available_bytes"))
}

/// How many seconds this share of the requests took at most: within a bucket they are taken to lie evenly, as Prometheus'
/// `histogram_quantile` does. Above the last bound nothing is known but the bound.
fn at_quantile(bounds_ms: &[u64], counts: &[u64], quantile: f64) -> Option<f64> {
    let total = number(counts.iter().sum());
    if total == 0.0 || counts.len() != bounds_ms.len() + 1 {
        return None;
    }
    let (mut before, mut from) = (0.0, 0.0);
    for (count, to) in counts.iter().zip(bounds_ms) {
        let (count, to) = (number(*count), number(*to) / 1000.0);
        let still = quantile * total - before;
        if count > 0.0 && still <= count {
            return Some(from + (to - from) * still / count);
        }
        (before, from) = (before + count, to);
    }
    Some(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{Format, write};

    /// What clients of the original make of a text: the last sample of each name, whatever its labels.
    fn as_clients_read(text: &str) -> std::collections::BTreeMap<&str, f64> {
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
        samples.map(|(key, value)| (key.split('{').next().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn requests_and_machines_have_the_design_documents_names() {
        let host = serde_json::from_str(
            r#"{"id": "m-1", "role": "up", "process": {"machine": {"cpus": 4, "load_average": [1.0, 9.0, 9.0],
                "memory_total_bytes": 200, "memory_available_bytes": 50}}, "duration_bounds_ms": [10, 100],
                "components": [{"id": "status", "answers": [{"method": "GET", "scheme": "http", "route": "/api/v1/status/...", "status": 200,
                "duration_us": 150000, "buckets": [1, 0, 0]}, {"method": "GET", "scheme": "https", "route": "/api/v1/status/...",
                "status": 200, "duration_us": 100000, "buckets": [1, 0, 1]}]}]}"#,
        );
        let text = write(&of_hosts(&[host.unwrap()]), Format::Prometheus);
        for line in [
            "component=\"status\",method=\"GET\",endpoint=\"/api/v1/status/...\",status=\"200\"} 3\n",
            "# TYPE http_requests_total counter\n",
            "# TYPE http_request_duration_seconds summary\n",
            "endpoint=\"/api/v1/status/...\",status=\"200\",quantile=\"0.5\"} 0.0075\n",
            "endpoint=\"/api/v1/status/...\",status=\"200\",quantile=\"0.95\"} 0.1\n",
            "http_request_duration_seconds_sum{",
            "role=\"up\"} 25\n",
            "role=\"up\"} 75\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        // Clients of the original look for lines that begin with these names.
        let read = as_clients_read(&text);
        for (name, value) in [
            ("system_cpu_usage_percent", 25.0),
            ("system_memory_usage_percent", 75.0),
            ("http_requests_total", 3.0),
            ("http_request_duration_seconds", 0.1),
        ] {
            assert_eq!(read.get(name), Some(&value), "{name} in {text}");
        }
    }

    #[test]
    fn quantiles_are_read_off_the_buckets() {
        let (bounds, counts) = ([500, 2500], [2, 2, 0]);
        assert_eq!(at_quantile(&bounds, &counts, 0.25), Some(0.25));
        assert_eq!(at_quantile(&bounds, &counts, 0.75), Some(1.5));
        assert_eq!(at_quantile(&bounds, &[0, 0, 1], 0.5), Some(2.5));
        assert_eq!((at_quantile(&bounds, &[0; 3], 0.5), at_quantile(&bounds, &[1], 0.5)), (None, None));
    }

    #[test]
    fn tasks_have_the_design_documents_name_and_nothing_is_claimed_of_a_silent_machine() {
        let text = write(&[of_tasks(&Counters::read(&[]))], Format::Prometheus);
        let line = "task_duration_seconds_count{task_name=\"tasks.generate_single_model\",status=\"failed\"} 0\n";
        assert!(text.contains(line), "{text}");
        let silent = write(&of_hosts(&[HostProcess::default()]), Format::Prometheus);
        assert!(silent.lines().all(|line| line.starts_with("# ")), "{silent}");
        assert!(silent.contains("# TYPE http_requests_total counter"), "{silent}");
    }
}
