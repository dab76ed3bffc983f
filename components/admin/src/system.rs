//! `GET /admin/system-info`: what runs, what waits, and where the limits are near.

use futures::try_join;
use image2model_domain::commands::{ReadQueues, ReadRollouts};
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};
use serde_json::json;

use crate::hosts::{components, processes, redis_info, workers};
use crate::{breaker, health::probe, queues};

/// On Spin nothing of ours hosts the components.
const NO_HOST: &str = "No image2model host serves components: Spin does, and keeps no count of them for us. Workers and stream \
    servers are shown.";

/// Answers all of it.
pub(crate) async fn info(_: Context) -> Result<Reply, Failure> {
    let keys = redis::keys().await?;
    let (jobs, providers) = (keys.jobs(), keys.providers());
    let (jobs, providers) = ([jobs.as_str()], [providers.as_str()]);
    let (facts, hosts, alive, states, jobs, providers, rollouts) = try_join!(
        redis_info::facts(),
        processes::alive(),
        workers::alive(),
        redis::run(&ReadQueues),
        redis::number("ZCARD", &jobs),
        redis::texts("HKEYS", &providers),
        redis::run(&ReadRollouts { component: None }),
    )?;
    let report = probe::report().await;
    let fal_breaker = match &states.breaker {
        Some(open) => breaker::word(open),
        None => workers::fal_breaker(&alive),
    };
    let served = hosts.iter().any(|host| host.serves_components);
    let body = json!({
        "application": { "name": "image2model", "version": env!("CARGO_PKG_VERSION") },
        "ready": report.is_ready(),
        "hosts": hosts.iter().map(processes::HostProcess::shown).collect::<Vec<_>>(),
        "hosts_message": (!served).then_some(NO_HOST),
        "workers": alive.iter().map(workers::Worker::shown).collect::<Vec<_>>(),
        "components": components::overview(&hosts, &rollouts),
        "providers": providers,
        "fal": {
            "mode": workers::fal_mode(&alive),
            "breaker": fal_breaker,
            "reachable": workers::fal_reachable(&alive),
        },
        "queues": queues::overview(&states, clock::now_ms()),
        "jobs": { "known": jobs },
        "redis": facts,
        "disk": report.check("disk_space").map(|check| &check.details),
    });
    reply::json(200, &body)
}
