//! The component: its routes, and what the intake needs of the host.

mod generate;
mod models;
mod receive;
mod services;
mod settings;
mod status;
mod watch;
mod webhook;

use image2model_kit::{Reply, Route, routes, serve};
use spin_sdk::http::Request;
use spin_sdk::http_service;

static ROUTES: &[Route] = routes! {
    POST "/api/v1/upload" User Upload => receive::upload,
    POST "/api/v1/upload/batch" User Upload => receive::upload,
    POST "/api/v1/upload/image" User Upload => receive::upload_image,
    GET "/api/v1/upload/status/:file_id" Owner Standard => status::file,
    GET "/api/v1/upload/batch/:batch_id/status" Owner Standard => status::batch,
    POST "/api/v1/models/generate-single" User Standard => generate::single,
    POST "/api/v1/models/generate" User Standard => generate::original,
    GET "/api/v1/models/available" Open Standard => models::available,
};

#[http_service]
async fn handle(request: Request) -> anyhow::Result<Reply> {
    Ok(serve(ROUTES, request).await)
}
