//! For operators: is it alive, is it ready, what is it doing; queues and tasks; storage, and clearing away what is old.
//!
//! Health routes and metrics are open and not counted; every route under `/admin` and `/logs` needs the admin key and leaves
//! an entry in the audit log.

mod audit;
mod breaker;
mod fields;
mod health;
mod hosts;
mod jobs;
mod keys;
mod logs;
mod metrics;
mod orders;
mod queues;
mod releases;
mod storage;
mod system;
mod tasks;
mod tenants;

use health::detailed;
use hosts::components;
use image2model_kit::{Reply, Route, routes, serve};
use spin_sdk::http::Request;
use storage::{cleanup, delete, files, usage};
use tasks::{cancel, dead_letters, list};

static ROUTES: &[Route] = routes! {
    GET "/health" Open Uncounted => health::overview,
    GET "/health/live" Open Uncounted => health::live,
    GET "/health/liveness" Open Uncounted => health::live,
    GET "/health/ready" Open Uncounted => health::ready,
    GET "/health/readiness" Open Uncounted => health::ready,
    GET "/health/detailed" Open Uncounted => detailed::answer,
    GET "/health/metrics" Open Uncounted => metrics::answer,
    GET "/metrics" Open Uncounted => metrics::answer,
    GET "/api/v1/health" Open Uncounted => health::overview,
    GET "/api/v1/health/live" Open Uncounted => health::live,
    GET "/api/v1/health/liveness" Open Uncounted => health::live,
    GET "/api/v1/health/ready" Open Uncounted => health::ready,
    GET "/api/v1/health/readiness" Open Uncounted => health::ready,
    GET "/api/v1/health/detailed" Open Uncounted => detailed::answer,
    GET "/api/v1/health/metrics" Open Uncounted => metrics::answer,
    GET "/api/v1/metrics" Open Uncounted => metrics::answer,
    GET "/api/v1/admin/system-info" Admin Standard => system::info,
    GET "/api/v1/admin/system-health" Admin Standard => usage::system_health,
    GET "/api/v1/admin/disk-usage" Admin Standard => usage::disk,
    GET "/api/v1/admin/list-files" Admin Standard => files::list,
    POST "/api/v1/admin/cleanup" Admin Standard => cleanup::old_jobs,
    POST "/api/v1/admin/cleanup-job" Admin Standard => delete::ended,
    DELETE "/api/v1/admin/delete-job/:job_id" Admin Standard => delete::any,
    GET "/api/v1/admin/keys" Admin Standard => keys::list,
    POST "/api/v1/admin/keys" Admin Standard => keys::issue,
    DELETE "/api/v1/admin/keys/:id" Admin Standard => keys::revoke,
    GET "/api/v1/admin/queues" Admin Standard => queues::list,
    POST "/api/v1/admin/queues/:name/pause" Admin Standard => queues::pause,
    POST "/api/v1/admin/queues/:name/resume" Admin Standard => queues::resume,
    GET "/api/v1/admin/tasks" Admin Standard => list::tasks,
    POST "/api/v1/admin/tasks/:id/cancel" Admin Standard => cancel::task,
    POST "/api/v1/admin/tasks/:id/:file/cancel" Admin Standard => cancel::task,
    POST "/api/v1/admin/dead-letters/:id/replay" Admin Standard => dead_letters::replay,
    DELETE "/api/v1/admin/dead-letters/:id" Admin Standard => dead_letters::forget,
    GET "/api/v1/admin/tenants" Admin Standard => tenants::list,
    PUT "/api/v1/admin/tenants/:tenant" Admin Standard => tenants::set,
    GET "/api/v1/admin/jobs" Admin Standard => jobs::list,
    GET "/api/v1/admin/jobs/:job_id" Admin Standard => jobs::one,
    GET "/api/v1/admin/components" Admin Standard => components::list,
    POST "/api/v1/admin/components/:id/swap" Admin Standard => releases::swap,
    POST "/api/v1/admin/components/:id/rollback" Admin Standard => releases::rollback,
    POST "/api/v1/admin/components/:id/canary" Admin Standard => releases::canary,
    GET "/api/v1/logs" Admin Standard => logs::read::list,
    GET "/api/v1/logs/types" Admin Standard => logs::types::list,
    GET "/api/v1/logs/statistics" Admin Standard => logs::statistics::show,
    GET "/api/v1/logs/health" Admin Standard => logs::health::show,
    GET "/api/v1/logs/analyze" Admin Standard => logs::analyze::show,
    GET "/api/v1/logs/summary/daily" Admin Standard => logs::summary::daily,
    POST "/api/v1/logs/rotate" Admin Standard => logs::rotate::run,
    POST "/api/v1/logs/export" Admin Standard => logs::export::run,
    DELETE "/api/v1/logs/cleanup" Admin Standard => logs::cleanup::run,
};

#[spin_sdk::http_service]
async fn admin(request: Request) -> Reply {
    let call = audit::Call::begin(&request);
    let reply = serve(ROUTES, request).await;
    if let Some(call) = call {
        call.end(&reply).await;
    }
    reply
}
