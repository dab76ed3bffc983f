//! Answers with the file that the path names; `POST` tries to write it.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

#[http_service]
async fn file(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.uri().path();
    Ok(if request.method().as_str() == "POST" {
        match std::fs::write(path, b"changed") {
            Ok(()) => "written".to_owned(),
            Err(error) => format!("error: {:?}", error.kind()),
        }
    } else {
        match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => format!("error: {:?}", error.kind()),
        }
    })
}
