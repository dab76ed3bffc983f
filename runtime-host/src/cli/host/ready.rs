//! Asks the application itself whether every part answers, before anybody is told that it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use image2model_host::edge::Edge;

use super::application;
use super::foundation::reachable;

const READY_WITHIN: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: usize = 2000;

/// What is asked: every part where the application is ours, else whether the host serves it.
pub fn probe(edge: &Edge) -> &'static str {
    const OWN: &str = "/api/v1/health/ready";
    if application::is_own(edge) && edge.takes(OWN) { OWN } else { "/.well-known/spin/health" }
}

/// Returns when the readiness route, `probe`, answers 200.
pub async fn wait(scheme: &str, address: SocketAddr, probe: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5));
    // It asks itself, by an address: whom the certificate names is for its clients to check.
    let client = client.tls_danger_accept_invalid_certs(true).build()?;
    let url = format!("{scheme}://{}{probe}", reachable(address));
    let mut last = String::new();
    let answered = tokio::time::timeout(READY_WITHIN, async {
        loop {
            match ask(&client, &url).await {
                Ok(None) => return,
                Ok(Some(said)) => last = said,
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    answered.await.ok().with_context(|| format!("not every part became ready; last answer: {last}"))
}

/// `None` when it is ready, else what it said.
async fn ask(client: &reqwest::Client, url: &str) -> anyhow::Result<Option<String>> {
    let response = client.get(url).send().await?;
    let status = response.status();
    if status == 200 {
        return Ok(None);
    }
    let text: String = response.text().await?.chars().take(LONGEST_ANSWER).collect();
    Ok(Some(format!("{status} {text}")))
}
