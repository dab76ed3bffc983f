//! One reading of FAL's history for all files that look for a forgotten request: after a failover they are many, and look at
//! the same time at the same pages.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fal::{EndpointId, FalClient, FalError, Recorded};

/// What a reading gave, for all who waited for it.
pub(super) type Listed = Result<Arc<[Recorded]>, Arc<FalError>>;

/// The last reading; who waits for the next one waits for its lock.
#[derive(Debug, Default)]
pub(super) struct Scans(Mutex<Option<Scan>>);

#[derive(Debug)]
struct Scan {
    began: Instant,
    endpoint: EndpointId,
    since: i64,
    until: i64,
    listed: Listed,
}

impl Scans {
    /// The requests of this time, ms since 1970, as they are listed at some moment from now on.
    pub async fn list(&self, fal: &FalClient, endpoint: &EndpointId, since: i64, until: i64) -> Listed {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        let alike = last.as_ref().filter(|scan| scan.endpoint == *endpoint && scan.until >= until);
        if let Some(scan) = alike.filter(|scan| scan.began >= asked && scan.since <= since) {
            return scan.listed.clone();
        }
        // As far as the one before: those who asked for that one will look again.
        let (since, until) = alike.map_or((since, until), |scan| (scan.since.min(since), scan.until));
        let began = Instant::now();
        let listed = fal.list_requests(endpoint, since, until).await.map(Arc::from).map_err(Arc::new);
        *last = Some(Scan { began, endpoint: endpoint.clone(), since, until, listed: listed.clone() });
        listed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::fal::FalConfig;

    #[tokio::test]
    async fn who_asks_at_the_same_time_shares_a_reading_that_began_later() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let read = Arc::new(AtomicUsize::new(0));
        let counted = read.clone();
        let app = axum::Router::new().fallback(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::ready(axum::Json(serde_json::json!({ "items": [{ "request_id": "r" }] })))
        });
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let client = FalClient::new(FalConfig { api_url: base, ..FalConfig::new("id:secret".into()) }).unwrap();
        let endpoint = EndpointId::parse("tripo3d/tripo").unwrap();
        let scans = Scans::default();
        // All ask before the first has its answer; one of the others goes further back.
        let looks = (0..10_i64).map(|n| scans.list(&client, &endpoint, 100 - n % 2, 200));
        let listed = futures::future::join_all(looks).await;
        assert!(listed.iter().all(|listed| listed.as_ref().is_ok_and(|requests| requests.len() == 1)));
        let shared = read.load(Ordering::Relaxed);
        assert!((1..=3).contains(&shared), "{shared} readings for ten looks");
        scans.list(&client, &endpoint, 100, 200).await.unwrap();
        assert_eq!(read.load(Ordering::Relaxed), shared + 1, "what was listed before says nothing of now");
        server.abort();
    }
}
