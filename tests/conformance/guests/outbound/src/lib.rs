//! Fetches the URL in the query and answers with its status and length, or with the kind of error; `/impatient` gives the
//! connection a fifth of a second. `/many` fetches it ten thousand times at once and answers how many were refused. `/text`
//! answers with what was answered there, and `/again?id` with what the component of that id, which is itself, answers to the
//! same question.

use futures::StreamExt;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{EmptyBody, IntoResponse, Request, Response};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types::{ErrorCode, RequestOptions};
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

async fn impatient(url: &str) -> Result<Response, ErrorCode> {
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(200_000_000)).unwrap();
    let mut request = Request::<()>::get(url).body(EmptyBody::new()).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    request.extensions_mut().insert(RequestOptionsExtension(options));
    spin_sdk::http::send(request).await
}

#[http_service]
async fn fetch(request: Request) -> anyhow::Result<impl IntoResponse> {
    let url = request.uri().query().unwrap_or_default().to_owned();
    if request.uri().path() == "/many" {
        let all = futures::future::join_all((0..10_000).map(|_| spin_sdk::http::get(&url))).await;
        let limited = |error: String| error.contains("ConnectionLimitReached");
        let errors = all.iter().filter_map(|one| one.as_ref().err());
        let refused = errors.filter(|error| limited(format!("{error:?}"))).count();
        return Ok(format!("{refused} of {} refused", all.len()));
    }
    let again = request.uri().path().ends_with("/again");
    let own = if url.is_empty() { "outbound" } else { &url };
    let url = if again { format!("http://{own}.spin.internal/again?{url}") } else { url };
    let asked = match request.uri().path() {
        "/impatient" => impatient(&url).await,
        _ => spin_sdk::http::get(&url).await,
    };
    let response = match asked {
        Ok(response) => response,
        Err(error) => return Ok(format!("error: {error:?}")),
    };
    let status = response.status();
    let mut body = response.into_body().stream();
    if again || request.uri().path() == "/text" {
        let mut text = Vec::new();
        while let Some(chunk) = body.next().await {
            text.extend_from_slice(&chunk?);
        }
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    let mut bytes = 0;
    while let Some(chunk) = body.next().await {
        bytes += chunk?.len();
    }
    Ok(format!("{} {bytes}", status.as_u16()))
}
