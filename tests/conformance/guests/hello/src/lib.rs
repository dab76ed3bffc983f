//! Answers `hello`.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn hello(_: Request) -> anyhow::Result<impl IntoResponse> {
    Ok("hello")
}
