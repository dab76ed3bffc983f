//! How jobs stand: by job, by task, as a list; waiting for news; cancelling and retrying. Reaches Redis and nothing else.

mod cancel;
mod job;
mod list;
mod retry;
mod streams;
mod task;
mod wait;

use image2model_kit::{Reply, Route, routes, serve};
use spin_sdk::http::Request;

static ROUTES: &[Route] = routes! {
    GET "/api/v1/status/stream/:job_id" Owner Uncounted => streams::moved,
    GET "/api/v1/status/tasks/:task_id/stream" Owner Uncounted => streams::moved,
    GET "/api/v1/status/tasks/:task_id/status" Owner Standard => task::status,
    GET "/api/v1/status/tasks/:task_id" Owner Standard => task::status,
    GET "/api/v1/status/jobs/:job_id/progress" Owner Standard => job::status,
    GET "/api/v1/status/jobs/:job_id" Owner Standard => job::status,
    GET "/api/v1/status/:job_id" Owner Standard => job::status,
    GET "/api/v1/models/job/:job_id" Owner Standard => job::status,
    GET "/api/v1/jobs" User Standard => list::jobs,
    DELETE "/api/v1/jobs/:job_id" Owner Standard => cancel::job,
    POST "/api/v1/jobs/:job_id/retry" Owner Standard => retry::job,
};

#[spin_sdk::http_service]
async fn status(request: Request) -> Reply {
    serve(ROUTES, request).await
}
