//! For operators: is it alive, is it ready, what is it doing, and clearing away what is old.
//!
//! The health routes are open and not counted; every route under `/admin` needs the admin key and leaves a line in the log.

mod audit;
mod cleanup;
mod delete;
mod health;
mod keys;
mod probe;
mod redis_info;
mod system;
mod workers;

use image2model_kit::{Reply, Route, routes, serve};
use spin_sdk::http::Request;

static ROUTES: &[Route] = routes! {
    GET "/health" Open Uncounted => health::overview,
    GET "/health/live" Open Uncounted => health::live,
    GET "/health/liveness" Open Uncounted => health::live,
    GET "/health/ready" Open Uncounted => health::ready,
    GET "/health/readiness" Open Uncounted => health::ready,
    GET "/api/v1/health" Open Uncounted => health::overview,
    GET "/api/v1/health/live" Open Uncounted => health::live,
    GET "/api/v1/health/liveness" Open Uncounted => health::live,
    GET "/api/v1/health/ready" Open Uncounted => health::ready,
    GET "/api/v1/health/readiness" Open Uncounted => health::ready,
    GET "/api/v1/admin/system-info" Admin Standard => system::info,
    POST "/api/v1/admin/cleanup" Admin Standard => cleanup::old_jobs,
    POST "/api/v1/admin/cleanup-job" Admin Standard => delete::ended,
    DELETE "/api/v1/admin/delete-job/:job_id" Admin Standard => delete::any,
    GET "/api/v1/admin/keys" Admin Standard => keys::list,
    POST "/api/v1/admin/keys" Admin Standard => keys::issue,
    DELETE "/api/v1/admin/keys/:id" Admin Standard => keys::revoke,
};

#[spin_sdk::http_service]
async fn admin(request: Request) -> Reply {
    serve(ROUTES, request).await
}
