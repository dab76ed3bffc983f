//! The metrics of the service as a whole: jobs, files, queues, workers, FAL.AI, Redis and disk.

use std::rc::Rc;

use image2model_domain::commands::QueueState;
use image2model_domain::counters::{Counters, DURATION_BOUNDS};
use image2model_domain::rollout::Rollout;
use serde_json::Value;

use super::exposition::{Family, Kind, number};
use super::{components, hosts, original, work};
use crate::health::probe::{Health, Report};
use crate::hosts::processes::HostProcess;
use crate::hosts::workers;

/// Everything that metrics are made of.
pub(super) struct Gathered {
    pub(super) report: Rc<Report>,
    /// `None` while Redis is away.
    pub(super) counters: Option<Counters>,
    pub(super) hosts: Vec<HostProcess>,
    /// The releases of each component that was ever exchanged; `None` while Redis is away.
    pub(super) rollouts: Option<Vec<(String, Rollout)>>,
    pub(super) redis: Option<Value>,
}

impl Gathered {
    /// All of them.
    pub(super) fn families(&self) -> Vec<Family> {
        let counted = self.counters.iter().flat_map(|counters| [totals(counters), by_status(counters)]).flatten();
        let queues = self.report.queues.iter().flat_map(|states| queues(&states.queues, states.dead));
        let mut all = checks(&self.report);
        all.extend(counted);
        all.extend(queues);
        all.extend(fal_and_workers(&self.report));
        all.extend(stores(&self.report, self.redis.as_ref()));
        all.extend(self.counters.iter().flat_map(removed));
        all.extend(self.counters.iter().flat_map(work::counted));
        all.extend(self.report.queues.iter().flat_map(work::standing));
        all.extend(hosts::families(&self.hosts));
        all.extend(self.rollouts.iter().map(|rollouts| components::trials(&self.hosts, rollouts)));
        all.extend(self.counters.as_ref().map(original::of_tasks));
        all.extend(original::of_hosts(&self.hosts));
        all.push(original::of_disk(&self.report));
        all
    }
}

fn checks(report: &Report) -> Vec<Family> {
    let mut build = Family::new(Kind::Info, "image2model_build", "The release that answers.");
    build.add(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
    let ready = f64::from(u8::from(report.is_ready()));
    let mut ok = Family::new(Kind::Gauge, "image2model_check_ok", "1 where a check found everything as it should be.");
    for check in &report.checks {
        ok.add(vec![("check", check.name.to_owned())], f64::from(u8::from(check.health == Health::Ok)));
    }
    vec![
        build,
        Family::new(Kind::Gauge, "image2model_ready", "1 while everything that is needed answers.").with(ready),
        ok,
    ]
}

fn totals(counters: &Counters) -> Vec<Family> {
    let total = |name, help, field| Family::new(Kind::Counter, name, help).with(number(counters.get(field)));
    vec![
        total("image2model_jobs_created", "Uploads that became jobs.", "jobs_created"),
        total("image2model_files_created", "Images taken in.", "files_created"),
        total("image2model_uploaded_bytes", "Bytes of the images taken in.", "uploaded_bytes"),
        total("image2model_attempts_failed", "Attempts at a model that failed, tried again or not.", "attempts_failed"),
        total("image2model_leases_lost", "Files taken back from workers that fell silent.", "leases_lost"),
    ]
}

fn by_status(counters: &Counters) -> Vec<Family> {
    let labelled = |mut family: Family, statuses: &[&str], prefix: &str| {
        for status in statuses {
            let value = number(counters.get(&format!("{prefix}:{status}")));
            family.add(vec![("status", (*status).to_owned())], value);
        }
        family
    };
    let open = Family::new(Kind::Gauge, "image2model_jobs", "Jobs that have not ended.");
    let jobs = Family::new(Kind::Counter, "image2model_jobs_ended", "Jobs that ended, by how.");
    let files = Family::new(Kind::Counter, "image2model_files_ended", "Files that ended, by how.");
    let ended = ["completed", "partially_completed", "failed", "cancelled"];
    vec![
        labelled(open, &["pending", "processing"], "open"),
        labelled(jobs, &ended, "jobs_ended"),
        labelled(files, &["completed", "failed", "cancelled"], "files_ended"),
        durations(counters),
    ]
}

fn durations(counters: &Counters) -> Family {
    let help = "How long a worker was at a file, from its claim to its end.";
    let mut family = Family::new(Kind::Histogram, "image2model_file_duration_seconds", help);
    let bounds = DURATION_BOUNDS.map(f64::from);
    for status in ["completed", "failed", "cancelled"] {
        let durations = counters.file_durations(status);
        let labels = vec![("status", status.to_owned())];
        family.add_histogram(&labels, &bounds, &durations.buckets, number(durations.sum_ms) / 1000.0);
    }
    family
}

fn queues(states: &[QueueState], dead: u64) -> Vec<Family> {
    let gauge = |name, help, of: &dyn Fn(&QueueState) -> f64| {
        let mut family = Family::new(Kind::Gauge, name, help);
        for state in states {
            family.add(vec![("queue", state.queue.as_str().to_owned())], of(state));
        }
        family
    };
    vec![
        gauge("image2model_queue_waiting", "Files in line.", &|q| number(q.waiting)),
        gauge("image2model_queue_running", "Files that workers hold.", &|q| number(q.running)),
        gauge("image2model_queue_delayed", "Files to be tried again later.", &|q| number(q.delayed)),
        gauge("image2model_queue_longest_wait_seconds", "How long the first in line has waited.", &|q| {
            number(q.longest_wait_ms) / 1000.0
        }),
        gauge("image2model_queue_paused", "1 while an operator holds the queue.", &|q| {
            f64::from(u8::from(q.paused_since.is_some()))
        }),
        Family::new(Kind::Gauge, "image2model_dead_letters", "Files that failed for good and can be replayed.")
            .with(number(dead)),
    ]
}

fn fal_and_workers(report: &Report) -> Vec<Family> {
    let alive = &report.workers;
    let count = |n: usize| number(n as u64);
    let running: u64 = alive.iter().map(workers::Worker::running).sum();
    let help = "Workers by how they stand with FAL.AI: a breaker that is not closed holds files back.";
    let mut breakers = Family::new(Kind::Gauge, "image2model_fal_breaker_workers", help);
    for state in ["closed", "half_open", "open"] {
        breakers.add(vec![("state", state.to_owned())], count(workers::breakers(alive, state)));
    }
    let simulated = f64::from(u8::from(report.fal_mode == "simulated"));
    let mut reachable = Family::new(Kind::Gauge, "image2model_fal_reachable", "1 when FAL.AI answers a worker.");
    reachable.add_some(vec![], workers::fal_reachable(alive).map(|reached| f64::from(u8::from(reached))));
    vec![
        Family::new(Kind::Gauge, "image2model_workers", "Workers that live.").with(count(alive.len())),
        Family::new(Kind::Gauge, "image2model_worker_files", "Files that workers are at.").with(number(running)),
        breakers,
        Family::new(Kind::Gauge, "image2model_fal_simulated", "1 when a simulator stands in for FAL.AI.")
            .with(simulated),
        reachable,
        Family::new(
            Kind::Gauge,
            "image2model_fal_history_blind_workers",
            "Workers whose key may not read FAL.AI's request history: a submit whose answer is lost cannot be found again.",
        )
        .with(count(workers::blind(alive))),
    ]
}

fn stores(report: &Report, redis: Option<&Value>) -> Vec<Family> {
    let of_redis = |name: &str| redis.and_then(|facts| facts.get(name)).and_then(Value::as_f64);
    let disk = report.check("disk_space").map(|check| &check.details);
    let of_disk = |name: &str| disk.and_then(|disk| disk.get(name)).and_then(Value::as_f64);
    let gauge = |name, help, value| {
        let mut family = Family::new(Kind::Gauge, name, help);
        family.add_some(vec![], value);
        family
    };
    vec![
        gauge("image2model_redis_memory_bytes", "Memory that Redis uses.", of_redis("used_memory_bytes")),
        gauge("image2model_redis_clients", "Connections to Redis.", of_redis("connected_clients")),
        gauge("image2model_disk_free_bytes", "Space left for uploads and results.", of_disk("free_bytes")),
        gauge("image2model_disk_bytes", "Space for uploads and results in all.", of_disk("total_bytes")),
        gauge(
            "image2model_disk_min_free_bytes",
            "What is to stay free: below it uploads are refused.",
            of_disk("min_free_bytes"),
        ),
    ]
}

/// What housekeeping removed, by why.
fn removed(counters: &Counters) -> [Family; 2] {
    let by_why = |name, help, prefix: &str| {
        let mut family = Family::new(Kind::Counter, name, help);
        for why in ["noted", "orphaned", "staged"] {
            family.add(vec![("why", why.to_owned())], number(counters.get(&format!("{prefix}:{why}"))));
        }
        family
    };
    let help = "Images and models removed: noted as useless, of no job, or never stored whole.";
    [
        by_why("image2model_blobs_removed", help, "blobs_removed"),
        by_why("image2model_blobs_removed_bytes", "Bytes they had.", "blob_bytes_removed"),
    ]
}
