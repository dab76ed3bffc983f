//! Answers with the variable that the query names, or with the kind of error.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::variables;

#[http_service]
async fn variable(request: Request) -> anyhow::Result<impl IntoResponse> {
    Ok(match variables::get(request.uri().query().unwrap_or_default()).await {
        Ok(value) => format!("value {value}"),
        Err(variables::Error::InvalidName(_)) => "invalid-name".to_owned(),
        Err(variables::Error::Undefined(_)) => "undefined".to_owned(),
        Err(other) => format!("other {other:?}"),
    })
}
