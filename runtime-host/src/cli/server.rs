//! The server that a command speaks to: where it is, the key, and refusals in words for the person at the terminal.

use std::path::Path;

use anyhow::Context;
use image2model_host::config::Source;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::table::printable;

const LONGEST_PROBLEM: usize = 64 * 1024;

pub struct Server {
    pub base: Url,
    pub key: Option<SecretString>,
}

impl Server {
    pub fn new(url: &str, key: Option<SecretString>) -> anyhow::Result<Self> {
        let base = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        Ok(Self { base: base.context("--url must be an http:// or https:// address")?, key })
    }

    /// A path of the server as an absolute address.
    pub fn link(&self, path: &str) -> String {
        self.base.join(path).map_or_else(|_| path.to_owned(), |url| url.to_string())
    }

    pub fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        }
    }
}

/// The key given on the command line, else what the variable holds in the environment or in `.env`, as for the host.
pub fn key(given: Option<SecretString>, variable: &str) -> anyhow::Result<Option<SecretString>> {
    match given {
        Some(key) => Ok(Some(key)),
        None => Ok(Source::of_process(Path::new(".")).context("cannot read .env")?.secret(variable)),
    }
}

/// The server answered, and not with what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct Refused {
    status: StatusCode,
    said: String,
}

/// Whether asking again would fail the same way: the server has answered, and will not answer otherwise.
pub fn is_final(error: &anyhow::Error) -> bool {
    let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| !refused.status.is_server_error() && !passes.contains(&refused.status))
}

/// The response when it is a success, else what the server says about it, file by file or field by field.
pub async fn accepted(response: Response) -> anyhow::Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text: String = response.text().await.unwrap_or_default().chars().take(LONGEST_PROBLEM).collect();
    Err(Refused { status, said: refusal(status, &serde_json::from_str(&text).unwrap_or_default()) }.into())
}

fn refusal(status: StatusCode, problem: &Value) -> String {
    let text = |value: &Value, name: &str| printable(value.get(name).and_then(Value::as_str).unwrap_or_default());
    let mut said = text(problem, "detail");
    if said.is_empty() {
        said = format!("the server answered {status}");
    }
    let errors = problem.pointer("/details/errors").and_then(Value::as_array);
    for error in errors.into_iter().flatten() {
        let about = [text(error, "filename"), text(error, "field")].concat();
        said.push_str(&format!("\n  {about}: {}", text(error, "message")));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_cannot_steer_the_terminal() {
        let errors = [serde_json::json!({ "filename": "\u{1b}[2Ja.jpg", "message": "\u{7}is empty" })];
        let problem = serde_json::json!({ "detail": "\u{1b}]0;x", "details": { "errors": errors } });
        assert_eq!(refusal(StatusCode::FORBIDDEN, &problem), "]0;x\n  [2Ja.jpg: is empty");
    }

    #[test]
    fn a_refusal_names_every_file_and_field() {
        let problem = serde_json::json!({ "detail": "2 files were refused", "details": { "errors": [
            { "filename": "a.jpg", "code": "EMPTY", "message": "is empty" }, { "field": "name", "message": "is missing" },
        ] } });
        let said = refusal(StatusCode::BAD_REQUEST, &problem);
        assert_eq!(said, "2 files were refused\n  a.jpg: is empty\n  name: is missing");
        assert_eq!(refusal(StatusCode::BAD_GATEWAY, &Value::Null), "the server answered 502 Bad Gateway");
    }

    #[test]
    fn only_web_addresses_are_servers() {
        assert!(Server::new("http://127.0.0.1:3000", None).is_ok());
        for bad in ["", "127.0.0.1:3000", "file:///etc", "http://"] {
            assert!(Server::new(bad, None).is_err(), "{bad}");
        }
    }
}
