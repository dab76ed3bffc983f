//! `GET /metrics`, in Prometheus' text format or, when asked for by `Accept`, in OpenMetrics. Open like the health routes, so
//! nothing in it names a tenant, a job or a machine. What was gathered is good for two seconds.

mod components;
mod exposition;
mod families;
mod hosts;
mod original;
mod work;

use std::cell::RefCell;
use std::rc::Rc;

use futures::join;
use image2model_domain::commands::ReadRollouts;
use image2model_domain::counters::Counters;
use image2model_domain::rollout::Rollout;
use image2model_kit::{Context, Failure, Reply, clock, redis, reply};

use crate::health::probe::{self, PATIENCE};
use crate::hosts::processes::{self, HostProcess};
use crate::hosts::redis_info;
use exposition::{Family, Format};
use families::Gathered;

const KEPT_MS: i64 = 2000;

thread_local! {
    static KEPT: RefCell<Option<(i64, Rc<Vec<Family>>)>> = const { RefCell::new(None) };
}

/// Answers them. What cannot be reached is left out, and said by its check.
pub(crate) async fn answer(context: Context) -> Result<Reply, Failure> {
    let open = context.accepts("application/openmetrics-text");
    let format = if open { Format::OpenMetrics } else { Format::Prometheus };
    let text = exposition::write(&newest().await, format);
    let mut answer = reply::full(200, format.content_type(), text)?;
    reply::insert(&mut answer, "vary", "accept");
    Ok(answer)
}

async fn newest() -> Rc<Vec<Family>> {
    let now = clock::now_ms();
    let kept = KEPT.with_borrow(Clone::clone);
    if let Some((_, families)) = kept.filter(|(made, _)| (0..KEPT_MS).contains(&(now - made))) {
        return families;
    }
    let families = Rc::new(gathered().await.families());
    KEPT.with_borrow_mut(|kept| *kept = Some((now, Rc::clone(&families))));
    families
}

async fn gathered() -> Gathered {
    let (report, counters, hosts, rollouts, info) =
        join!(probe::report(), counters(), living_hosts(), rollouts(), redis_facts());
    Gathered { report, counters, hosts, rollouts, redis: info }
}

async fn counters() -> Option<Counters> {
    let key = redis::keys().await.ok()?.counters();
    let flat = clock::within(PATIENCE, redis::texts("HGETALL", &[&key])).await?.ok()?;
    Some(Counters::read(&flat))
}

async fn living_hosts() -> Vec<HostProcess> {
    clock::within(PATIENCE, processes::alive()).await.and_then(Result::ok).unwrap_or_default()
}

async fn rollouts() -> Option<Vec<(String, Rollout)>> {
    clock::within(PATIENCE, redis::run(&ReadRollouts { component: None })).await?.ok()
}

async fn redis_facts() -> Option<serde_json::Value> {
    clock::within(PATIENCE, redis_info::facts()).await?.ok()
}
