//! Webhooks reach a real receiver, carry a signature its key set verifies, and are repeated until acknowledged.

#[cfg(test)]
mod support;

use anyhow::{Context, Result};
use axum::{Router, body::Bytes, extract::State, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use fal_sim::{Armed, Call, Kind, When};
use http::{HeaderMap, StatusCode};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use support::{Fal, TRIPO, text};
use tokio::sync::mpsc;

type Delivery = (HeaderMap, Bytes);

/// A receiver that refuses the first `refusals` deliveries; all of them come out of the channel.
async fn receiver(refusals: u32) -> Result<(String, mpsc::UnboundedReceiver<Delivery>)> {
    let (sender, deliveries) = mpsc::unbounded_channel();
    let left = Arc::new(AtomicU32::new(refusals));
    let take = async |State((sender, left)): State<(mpsc::UnboundedSender<Delivery>, Arc<AtomicU32>)>,
                      headers: HeaderMap,
                      body: Bytes| {
        let _ = sender.send((headers, body));
        let refuse = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if refuse { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
    };
    let router = Router::new().route("/hook", post(take)).with_state((sender, left));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook?job=7", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, deliveries))
}

async fn submit(fal: &Fal, hook: &str, marker: &str) -> Result<Value> {
    let hook: String = url::form_urlencoded::byte_serialize(hook.as_bytes()).collect();
    let call = fal.call(Method::POST, &format!("/queue/{TRIPO}?fal_webhook={hook}"));
    let input = json!({"image_url": format!("https://example.com/{marker}.png")});
    Ok(call.json(&input).send().await?.error_for_status()?.json().await?)
}

async fn verify(fal: &Fal, (headers, body): &Delivery) -> Result<()> {
    let jwks: Value = fal.http.get(fal.url("/rest/.well-known/jwks.json")).send().await?.json().await?;
    let key = URL_SAFE_NO_PAD.decode(text(jwks.pointer("/keys/0").context("no key")?, "x")?)?;
    let key = VerifyingKey::from_bytes(key.as_slice().try_into()?)?;
    let header =
        |name: &str| -> Result<String> { Ok(headers.get(name).context("header missing")?.to_str()?.to_owned()) };
    let message = [
        header("x-fal-webhook-request-id")?,
        header("x-fal-webhook-user-id")?,
        header("x-fal-webhook-timestamp")?,
        hex::encode(Sha256::digest(body)),
    ];
    let signature = Signature::from_slice(&hex::decode(header("x-fal-webhook-signature")?)?)?;
    Ok(key.verify_strict(message.join("\n").as_bytes(), &signature)?)
}

#[tokio::test]
async fn outcomes_are_delivered_signed_and_repeated_until_acknowledged() -> Result<()> {
    let fal = Fal::start().await?;
    let (hook, mut deliveries) = receiver(2).await?;
    let job = submit(&fal, &hook, "sim-ok").await?;
    for _ in 0..3 {
        let delivery = deliveries.recv().await.context("no delivery")?;
        verify(&fal, &delivery).await?;
        let body: Value = serde_json::from_slice(&delivery.1)?;
        assert_eq!((&body["status"], &body["request_id"]), (&json!("OK"), &job["request_id"]));
        assert!(body["payload"]["model_mesh"]["url"].is_string());
    }
    submit(&fal, &hook, "sim-content-policy").await?;
    let body: Value = serde_json::from_slice(&deliveries.recv().await.context("no delivery")?.1)?;
    assert_eq!((&body["status"], &body["error"]), (&json!("ERROR"), &json!("Invalid status code: 422")));
    assert_eq!(body["payload"]["detail"][0]["type"], "content_policy_violation");
    Ok(())
}

#[tokio::test]
async fn deliveries_can_be_lost_or_doubled() -> Result<()> {
    let fal = Fal::start().await?;
    let (hook, mut deliveries) = receiver(0).await?;
    fal.sim.arm(Armed::new(Call::Webhook, Kind::Lost, When::Before, 1));
    fal.completed(&submit(&fal, &hook, "sim-ok").await?).await?;
    fal.sim.arm(Armed::new(Call::Webhook, Kind::Duplicate, When::Before, 1));
    let job = submit(&fal, &hook, "sim-ok").await?;
    for _ in 0..2 {
        let body: Value = serde_json::from_slice(&deliveries.recv().await.context("no delivery")?.1)?;
        assert_eq!(body["request_id"], job["request_id"], "the lost one never came, the second came twice");
    }
    let call = fal.call(Method::POST, &format!("/queue/{TRIPO}?fal_webhook=nonsense")).json(&json!({}));
    assert_eq!(call.send().await?.status(), 400);
    Ok(())
}
