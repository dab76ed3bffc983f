//! Stands in front of another component: tells it, and whoever asked, that it was here, by its variable `mark`. Answers
//! `/stopped` itself, and `/mark` with what its variable is.

use spin_sdk::http::{HeaderValue, IntoResponse, Request, StatusCode, next};
use spin_sdk::{http_service, variables};

#[http_service]
async fn pass(mut request: Request) -> anyhow::Result<impl IntoResponse> {
    match request.uri().path() {
        "/stopped" => return Ok((StatusCode::FORBIDDEN, "stopped".to_owned()).into_response()),
        "/mark" => return Ok(format!("{:?}", variables::get("mark").await).into_response()),
        _ => {}
    }
    request.headers_mut().remove("connection");
    request.headers_mut().remove("host");
    request.headers_mut().append("x-passed", HeaderValue::from_static("request"));
    let mut response = next(request).await?;
    response.headers_mut().append("x-passed", HeaderValue::from_static("response"));
    Ok(response.into_response())
}
