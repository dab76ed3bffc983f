//! FAL's webhooks, signed by the simulator as FAL signs them: they wake whoever follows, tell of requests that nobody knew,
//! and are believed only when they are FAL's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use fal_sim::{Call, Kind, When};
use image2model_host::fal::{Claim, WebhookError, WebhookKeys};
use image2model_host::redis::{Store, Tail, TailMessage};
use image2model_host::worker::{FAL_WEBHOOK_PATH, Heard, Told, WorkerConfig};
use parking_lot::Mutex;

use crate::support::{AtWork, Parts, until};

/// What receives webhooks, as the application's route does.
#[derive(Clone)]
struct Receiver {
    keys: Arc<WebhookKeys>,
    store: Store,
    heard: Arc<Mutex<Vec<Heard>>>,
    refused: Arc<Mutex<Vec<&'static str>>>,
    /// Changes what is received.
    forge: bool,
}

impl Receiver {
    async fn start(parts: &Parts, forge: bool) -> Result<(Self, SocketAddr)> {
        let keys = WebhookKeys::new(&format!("{}/rest", parts.sim.base_url()))?.into();
        let store = Store::open(&parts.redis.url())?;
        let receiver = Self { keys, store, heard: Arc::default(), refused: Arc::default(), forge };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = axum::Router::new().route(FAL_WEBHOOK_PATH, post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((receiver, address))
    }
}

async fn take(
    State(receiver): State<Receiver>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let body = if receiver.forge { [&body[..], b" "].concat().into() } else { body };
    let believed: Result<(), WebhookError> = async { receiver.keys.verify(Claim::read(&headers)?, &body).await }.await;
    if let Err(error) = believed {
        receiver.refused.lock().push(error.code());
        return StatusCode::from_u16(error.status()).unwrap();
    }
    let told = Told::read(&query.unwrap_or_default(), &body).unwrap();
    let heard = told.hear(&receiver.store).await.unwrap();
    receiver.heard.lock().push(heard);
    StatusCode::OK
}

/// A worker that asks FAL once and then, by itself, not again for ten minutes.
fn patient(parts: &Parts, address: SocketAddr) -> WorkerConfig {
    WorkerConfig {
        poll_quick: Duration::from_secs(600),
        poll_slow: Duration::from_secs(600),
        webhook_url: Some(format!("http://{address}").parse().unwrap()),
        ..parts.worker_config("w1")
    }
}

/// Starts it, and hands it the news that hosts exchange.
async fn work(parts: &Parts, config: WorkerConfig) -> Result<(AtWork, Tail)> {
    let worker = parts.work_as(config)?;
    let tail = Tail::start(&parts.store).await?;
    let (mut news, waker) = (tail.subscribe(), worker.worker.clone());
    tokio::spawn(async move {
        while let Ok(message) = news.recv().await {
            if let TailMessage::Knock(file) = message {
                waker.knock(&file);
            }
        }
    });
    Ok((worker, tail))
}

#[tokio::test]
async fn a_webhook_wakes_whoever_follows_the_request() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.queue_wait = Duration::from_secs(10)..=Duration::from_secs(10)).await?;
    let (receiver, address) = Receiver::start(&parts, false).await?;
    parts.disturb(Call::Webhook, Kind::Duplicate, When::Before, 1);
    let (worker, _tail) = work(&parts, patient(&parts, address)).await?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.completed(&id).await?;
    until(|| receiver.heard.lock().len() == 2).await?;
    assert_eq!(receiver.heard.lock().as_slice(), [Heard::Woken, Heard::Woken]);
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_webhook_tells_of_a_request_whose_answer_was_lost() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = Receiver::start(&parts, false).await?;
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    let config = WorkerConfig { reconcile_for: Duration::from_secs(30), ..patient(&parts, address) };
    let (worker, _tail) = work(&parts, config).await?;
    let id = parts.upload(&["sim-accept-drop.png"]).await?;
    let job = parts.completed(&id).await?;
    assert_eq!(receiver.heard.lock().first(), Some(&Heard::Bound));
    assert_eq!(job.files[0].fal_request_id.as_deref(), Some(parts.requests()[0].request_id.as_str()));
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_webhook_that_was_changed_on_the_way_is_refused() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = Receiver::start(&parts, true).await?;
    let config = WorkerConfig { webhook_url: Some(format!("http://{address}").parse()?), ..parts.worker_config("w1") };
    let (worker, _tail) = work(&parts, config).await?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.completed(&id).await?;
    until(|| !receiver.refused.lock().is_empty()).await?;
    assert_eq!(receiver.refused.lock().first(), Some(&"SIGNATURE_INVALID"));
    assert!(receiver.heard.lock().is_empty());
    worker.stop().await
}

#[tokio::test]
async fn webhooks_about_nothing_here_change_nothing() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    let job = parts.ended(&id).await?;
    let file = job.files[0].id.clone();
    let query = |job: &str, file: &str| format!("job={job}&file={file}&nonce=guessed");
    let nobody = "0".repeat(32);
    for (query, request) in [
        (query(&nobody, &nobody), "r"),
        (query(id.as_str(), &nobody), "r"),
        (query(id.as_str(), file.as_str()), "somebody-elses"),
    ] {
        let told = Told::read(&query, format!(r#"{{"request_id":"{request}"}}"#).as_bytes()).unwrap();
        assert_eq!(told.hear(&parts.store).await?, Heard::Ignored, "{query}");
    }
    assert_eq!(parts.job(&id).await?.files[0].fal_request_id, job.files[0].fal_request_id);
    worker.stop().await
}
