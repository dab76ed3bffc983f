//! Answers with what it was told of the request: its URI and headers, one a line. Sets one header of its own.

use spin_sdk::http::{HeaderMap, HeaderName, HeaderValue, IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

#[http_service]
async fn request(request: Request) -> anyhow::Result<impl IntoResponse> {
    let mut text = format!("uri: {}\n", request.uri());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()));
    }
    let own = [(HeaderName::from_static("x-own"), HeaderValue::from_static("1"))];
    Ok((StatusCode::OK, HeaderMap::from_iter(own), text))
}
