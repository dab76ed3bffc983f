//! The HTTP side of a submit: the upload, and what is asked about the job.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::cli::server::Server;

pub use crate::cli::server::accepted;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longer than the streams' heartbeat.
const SILENCE: Duration = Duration::from_secs(45);

pub struct JobApi {
    server: Server,
    /// For answers that come as they come; gives up on silence.
    reader: Client,
    /// For uploads, whose answer comes after the whole body.
    sender: Client,
}

/// An accepted upload.
pub struct Job {
    pub id: String,
    /// Ids of its files, in the order they were sent.
    pub files: Vec<String>,
    /// Lets whoever has no key, or another's, follow it.
    pub access_token: Option<String>,
}

impl JobApi {
    pub fn new(server: Server) -> anyhow::Result<Self> {
        let reader = Client::builder().connect_timeout(CONNECT_WITHIN).read_timeout(SILENCE).build()?;
        let sender = Client::builder().connect_timeout(CONNECT_WITHIN).build()?;
        Ok(Self { server, reader, sender })
    }

    /// A path of the server as an absolute address.
    pub fn link(&self, path: &str) -> String {
        self.server.link(path)
    }

    pub fn upload(&self) -> RequestBuilder {
        self.server.with_key(self.sender.request(Method::POST, self.link("/api/v1/upload")))
    }

    /// A GET about the job, with these query parameters.
    pub fn get(&self, path: &str, query: &[(&str, &str)], job: &Job) -> RequestBuilder {
        let base = &self.server.base;
        let mut url = base.join(path).unwrap_or_else(|_| base.clone());
        // An answer may name another host: it gets neither the key nor the token.
        if url.origin() != base.origin() {
            return self.reader.get(url);
        }
        // Beside a key too, which may be another's.
        let token = job.access_token.as_deref().map(|token| ("access_token", token));
        let query: Vec<_> = query.iter().copied().chain(token).collect();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.server.with_key(self.reader.get(url))
    }

    /// The job's status.
    pub async fn status(&self, job: &Job) -> anyhow::Result<Value> {
        let path = format!("/api/v1/status/{}", job.id);
        let response = self.get(&path, &[], job).timeout(SILENCE).send().await.context("the server does not answer")?;
        Ok(accepted(response).await?.json().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_beside_a_key_and_to_no_other_host() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = Server::new("http://127.0.0.1:3000", Some("a-key".into())).unwrap();
        let api = JobApi::new(server).unwrap();
        let job = Job { id: "a".to_owned(), files: Vec::new(), access_token: Some("a-token".to_owned()) };
        let asked = api.get("/api/v1/status/a", &[("wait", "1")], &job).build().unwrap();
        assert_eq!(asked.url().query(), Some("wait=1&access_token=a-token"));
        assert_eq!(asked.headers()["authorization"], "Bearer a-key");
        let elsewhere = api.get("http://files.example/a.glb", &[], &job).build().unwrap();
        assert_eq!((elsewhere.url().query(), elsewhere.headers().get("authorization")), (None, None));
    }
}
