//! Asks its guard and answers with the caller, or as the guard says.

mod bindings {
    wit_bindgen::generate!({ world: "guard-user", path: "../../../../wit/guard", generate_all });
}

use bindings::image2model::guard::guard::{Budget, Facts, Level, Verdict, check};
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;

#[http_service]
async fn guarded(request: Request) -> anyhow::Result<impl IntoResponse> {
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let facts = Facts {
        method: request.method().to_string(),
        route: "/guarded".to_owned(),
        path: request.uri().path().to_owned(),
        level: Level::User,
        budget: Budget::Standard,
        request_id: String::new(),
        traceparent: String::new(),
        authorization: header("authorization"),
        cookie: None,
        origin: None,
        fetch_site: None,
        host: None,
        preflight_method: None,
        preflight_headers: None,
        client_address: header("spin-client-addr").unwrap_or_default(),
        forwarded_for: None,
        forwarded_proto: None,
        job_id: None,
        access_token: None,
    };
    Ok(match check(facts).await {
        Verdict::Pass(pass) => (StatusCode::OK, pass.caller),
        Verdict::Answer(answer) => (StatusCode::from_u16(answer.status)?, String::new()),
    })
}
