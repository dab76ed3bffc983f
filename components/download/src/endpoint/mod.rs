//! The component: its routes.

mod all;
mod by_name;
mod pack;
mod parts;
mod served;
mod sizes;

use image2model_domain::Problem;
use image2model_domain::record::{FileRecord, JobRecord};
use image2model_kit::{Context, Failure, Reply, Route, jobs, routes, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

static ROUTES: &[Route] = routes! {
    GET "/api/v1/download/direct/:filename" Open Standard => by_name::direct,
    GET "/api/v1/download/:job_id/all" Owner Standard => all::all,
    GET "/api/v1/download/:job_id/:file_id/model" Owner Standard => parts::model,
    GET "/api/v1/download/:job_id/:file_id/preview" Owner Standard => parts::preview,
    GET "/api/v1/download/:job_id/:file_id/original" Owner Standard => parts::original,
    GET "/api/v1/download/:job_id/:file_id/thumbnail" Owner Uncounted => parts::thumbnail,
    GET "/api/v1/download/:job_id/:filename" Owner Standard => by_name::of_job,
};

#[http_service]
async fn handle(request: Request) -> anyhow::Result<Reply> {
    Ok(serve(ROUTES, request).await)
}

/// The job that the route names.
async fn job(context: &Context) -> Result<JobRecord, Failure> {
    jobs::read(&context.job()?).await
}

/// The file that the route names, which has to be one of the job's.
fn file<'a>(context: &Context, job: &'a JobRecord) -> Result<&'a FileRecord, Failure> {
    job.file(&context.file()?).ok_or_else(|| Problem::file_not_found().into())
}
