//! How jobs stand: by job, by task, as a list; waiting for news; cancelling, retrying, erasing, sharing; the sessions of browsers. Reaches
//! Redis and nothing else.

mod cancel;
mod erase;
mod job;
mod list;
mod retry;
mod session;
mod share;
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
    DELETE "/api/v1/jobs/:job_id/files/:file_id" Owner Standard => cancel::file,
    DELETE "/api/v1/jobs/:job_id/data" Owner Standard => erase::job,
    POST "/api/v1/jobs/:job_id/retry" Owner Standard => retry::job,
    POST "/api/v1/jobs/:job_id/share" Owner Standard => share::open,
    DELETE "/api/v1/jobs/:job_id/share" Owner Standard => share::withdraw,
    POST "/api/v1/session" User Standard => session::open,
    GET "/api/v1/session" Open Standard => session::show,
    DELETE "/api/v1/session" Open Standard => session::close,
};

#[spin_sdk::http_service]
async fn status(request: Request) -> Reply {
    serve(ROUTES, request).await
}
