//! A way to FAL that notes when each request was first asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use image2model_tests::client::http;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What belongs to one connection, not to what it carries.
const HOP: [header::HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH];

/// A running relay; it ends when it is dropped.
pub struct Relay {
    url: String,
    line: Arc<Line>,
    task: JoinHandle<std::io::Result<()>>,
}

struct Line {
    to: String,
    http: reqwest::Client,
    asked: Mutex<HashMap<String, Instant>>,
}

impl Relay {
    /// Starts one that passes everything on to this address.
    pub async fn start(to: &str) -> anyhow::Result<Self> {
        let line = Arc::new(Line { to: to.to_owned(), http: http()?, asked: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let app = Router::new().fallback(pass).with_state(line.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, line, task })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the status of so many requests was asked for; answers when each was, first.
    pub async fn followed(&self, requests: usize, limit: Duration) -> anyhow::Result<Vec<Instant>> {
        let started = Instant::now();
        while self.line.asked.lock().len() < requests {
            let seen = self.line.asked.lock().len();
            ensure!(started.elapsed() < limit, "only {seen} of {requests} requests are followed after {limit:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(self.line.asked.lock().values().copied().collect())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(State(line): State<Arc<Line>>, request: Request) -> Response {
    if let Some(id) = followed(request.uri().path()) {
        line.asked.lock().entry(id.to_owned()).or_insert_with(Instant::now);
    }
    line.forward(request).await.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

/// The request whose status is asked for: `/…/requests/{id}/status…`.
fn followed(path: &str) -> Option<&str> {
    let (id, rest) = path.split_once("/requests/")?.1.split_once('/')?;
    rest.starts_with("status").then_some(id)
}

impl Line {
    async fn forward(&self, request: Request) -> anyhow::Result<Response> {
        let (mut head, body) = request.into_parts();
        HOP.iter().for_each(|name| drop(head.headers.remove(name)));
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let sent = self.http.request(head.method, format!("{}{path}", self.to)).headers(head.headers).body(body);
        let mut answer = sent.send().await?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            *headers = std::mem::take(answer.headers_mut());
            HOP.iter().for_each(|name| drop(headers.remove(name)));
        }
        Ok(response.body(Body::from_stream(answer.bytes_stream()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::followed;

    #[test]
    fn only_questions_after_the_status_count() {
        assert_eq!(followed("/queue/tripo3d/tripo/requests/abc/status"), Some("abc"));
        assert_eq!(followed("/queue/tripo3d/tripo/requests/abc/status/stream"), Some("abc"));
        assert_eq!(followed("/queue/tripo3d/tripo/requests/abc/cancel"), None);
        assert_eq!(followed("/queue/tripo3d/tripo/requests/abc"), None);
        assert_eq!(followed("/queue/tripo3d/tripo/v2.5/image-to-3d"), None);
    }
}
