//! Webhooks over a real receiver: signed, called again until it answers well, given up in the end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use image2model_domain::JobId;
use image2model_domain::commands::{CancelJob, KeepWebhookBody, TakeWebhooks};
use image2model_domain::record::{JobRecord, WebhookRecord};
use image2model_domain::webhook::{AllowedHosts, sign};
use image2model_host::webhooks::{Schedule, WebhookSettings, Webhooks};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::{AtWork, Parts};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A receiver that gives these answers in turn, the last one for ever, and keeps what it was sent.
#[derive(Clone)]
struct Receiver {
    answers: Arc<Vec<u16>>,
    seen: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

async fn receive(
    State(receiver): State<Receiver>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut seen = receiver.seen.lock().unwrap();
    let answer = receiver.answers.get(seen.len()).or(receiver.answers.last()).copied().unwrap();
    seen.push((headers, body));
    (StatusCode::from_u16(answer).unwrap(), [("location", "/elsewhere")])
}

async fn receiver(answers: &[u16]) -> Result<(Receiver, SocketAddr)> {
    let receiver = Receiver { answers: Arc::new(answers.to_vec()), seen: Arc::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().fallback(any(receive)).with_state(receiver.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((receiver, address))
}

fn deliver(parts: &Parts, allowed: &str, attempts: u32) -> Result<CancellationToken> {
    let schedule = Schedule { first: Duration::from_millis(10), attempts };
    let settings = WebhookSettings { allowed_hosts: AllowedHosts::new([allowed]), schedule };
    let stop = CancellationToken::new();
    tokio::spawn(Webhooks::new(parts.store.clone(), settings)?.run(stop.clone()));
    Ok(stop)
}

async fn ended_with_webhook(parts: &Parts, url: String, work: AtWork) -> Result<JobId> {
    let mut create = parts.stored(&["a.png"])?;
    create.webhook = Some((url, SECRET.to_owned()));
    parts.store.run(&create).await?;
    parts.ended(&create.job).await?;
    work.stop().await?;
    Ok(create.job)
}

async fn settled(parts: &Parts, job: &JobId) -> Result<(JobRecord, WebhookRecord)> {
    loop {
        let job = parts.job(job).await?;
        if let Some(webhook) = job.webhook.clone().filter(|webhook| webhook.status != "pending") {
            return Ok((job, webhook));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_end_is_told_signed_and_again_until_it_is_heard() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = receiver(&[500, 302, 204]).await?;
    let job = ended_with_webhook(&parts, format!("http://{address}/hook?x=1"), parts.work()?).await?;
    let stop = deliver(&parts, &address.ip().to_string(), 5)?;
    let (_, webhook) = settled(&parts, &job).await?;
    assert_eq!((webhook.status.as_str(), webhook.attempts, webhook.response_status), ("delivered", 3, Some(204)));

    let seen = receiver.seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 3, "a redirect is not followed");
    let header = |n: usize, name: &str| seen[n].0[name].to_str().unwrap().to_owned();
    for (n, (_, body)) in seen.iter().enumerate() {
        let timestamp = header(n, "webhook-timestamp").parse()?;
        assert_eq!(header(n, "webhook-signature"), sign(SECRET, &header(n, "webhook-id"), timestamp, body.as_bytes()));
        assert_eq!((header(n, "webhook-id"), body), (header(0, "webhook-id"), &seen[0].1), "every attempt is the same");
    }
    let body: Value = serde_json::from_str(&seen[0].1)?;
    assert_eq!(
        (&body["event"], &body["status"], &body["job_id"]),
        (&"job.completed".into(), &"completed".into(), &job.as_str().into())
    );
    assert_eq!(body["files"][0]["status"], "completed");
    assert!(!seen[0].1.contains(SECRET));
    stop.cancel();
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_never_answers_well_is_given_up() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = receiver(&[503]).await?;
    let job = ended_with_webhook(&parts, format!("http://{address}/"), parts.work()?).await?;
    deliver(&parts, "127.0.0.1", 3)?;
    let (_, webhook) = settled(&parts, &job).await?;
    assert_eq!((webhook.status.as_str(), webhook.attempts, webhook.error.as_deref()), ("failed", 3, Some("REFUSED")));
    assert_eq!(receiver.seen.lock().unwrap().len(), 3);
    let due: u64 = parts.store.query(redis::cmd("ZCARD").arg(parts.store.keys().webhooks_due())).await?;
    assert_eq!(due, 0);
    Ok(())
}

/// What was allowed when it was accepted is judged anew when it is called.
#[tokio::test]
async fn nothing_is_called_that_is_not_allowed() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = receiver(&[200]).await?;
    let port = address.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost.example.invalid:{port}/"),
    ] {
        let job = ended_with_webhook(&parts, url.clone(), parts.work()?).await?;
        let stop = deliver(&parts, "hooks.lan", 1)?;
        let (_, webhook) = settled(&parts, &job).await?;
        assert_eq!(webhook.status, "failed", "{url}");
        assert!(matches!(webhook.error.as_deref(), Some("NOT_ALLOWED" | "UNREACHABLE")), "{url}: {webhook:?}");
        stop.cancel();
    }
    assert!(receiver.seen.lock().unwrap().is_empty());
    Ok(())
}

#[tokio::test]
async fn two_that_deliver_share_the_work() -> Result<()> {
    let parts = Parts::start().await?;
    let (receiver, address) = receiver(&[200]).await?;
    let (one, two) = (deliver(&parts, "127.0.0.1", 3)?, deliver(&parts, "127.0.0.1", 3)?);
    for _ in 0..3 {
        let job = ended_with_webhook(&parts, format!("http://{address}/"), parts.work()?).await?;
        settled(&parts, &job).await?;
    }
    one.cancel();
    two.cancel();
    assert_eq!(receiver.seen.lock().unwrap().len(), 3);
    Ok(())
}

/// The record of a delivery runs out with all it holds; writing to it then would make one that stays for ever.
#[tokio::test]
async fn what_is_sent_is_kept_with_a_delivery_that_is_there_and_with_no_other() -> Result<()> {
    let parts = Parts::start().await?;
    ended_with_webhook(&parts, "https://hooks.example.com/".to_owned(), parts.work()?).await?;
    let due = parts.store.run(&TakeWebhooks { lease_ms: 60_000, most: 1, most_to_one: 1, under_way: &[] }).await?;
    let keep = async |id: &str, body: &str| parts.store.run(&KeepWebhookBody { id, body }).await;
    assert_eq!(keep(&due[0].id, "first").await?.as_deref(), Some("first"));
    assert_eq!(keep(&due[0].id, "second").await?.as_deref(), Some("first"), "every attempt is the same");
    let key = parts.store.keys().webhook(&due[0].id);
    let left: i64 = parts.store.query(redis::cmd("TTL").arg(&key)).await?;
    assert!(left > 0, "{left}");

    parts.store.query::<()>(redis::cmd("DEL").arg(&key)).await?;
    assert_eq!(keep(&due[0].id, "late").await?, None);
    assert!(!parts.store.query::<bool>(redis::cmd("EXISTS").arg(&key)).await?);
    Ok(())
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_up_no_other() -> Result<()> {
    let parts = Parts::start().await?;
    // It takes calls and says nothing. More are due to it than are made at a time in all.
    let tarpit = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let silent = tarpit.local_addr()?;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let taking = taken.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = tarpit.accept().await {
            taking.lock().unwrap().push(socket);
        }
    });
    let (heard, address) = receiver(&[204]).await?;
    for n in 0..48 {
        let mut job = parts.stored(&["a.png"])?;
        job.webhook = Some((format!("http://{silent}/{n}"), SECRET.to_owned()));
        parts.store.run(&job).await?;
        parts.store.run(&CancelJob(&job.job)).await?;
    }
    let work = parts.work()?;
    let job = ended_with_webhook(&parts, format!("http://{address}/"), work).await?;
    let stop = deliver(&parts, "127.0.0.1", 3)?;
    let (_, webhook) = settled(&parts, &job).await?;
    assert_eq!((webhook.status.as_str(), webhook.attempts), ("delivered", 1));
    assert_eq!(heard.seen.lock().unwrap().len(), 1);
    assert!((1..=4).contains(&taken.lock().unwrap().len()));
    stop.cancel();
    Ok(())
}
