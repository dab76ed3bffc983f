//! The three ways in: path prefix, FAL's host names, and `x-fal-target-url`; answers carry URLs that fit the way.

#[cfg(test)]
mod support;

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use support::{Fal, TRIPO, text};

#[tokio::test]
async fn host_names_lead_to_their_services() -> Result<()> {
    let fal = Fal::start().await?;
    let input = json!({"image_url": "https://example.com/sim-ok.png"});
    let call = fal.call(Method::POST, &format!("/{TRIPO}")).header("host", "queue.fal.run");
    let job: Value = call.json(&input).send().await?.json().await?;
    assert!(text(&job, "status_url")?.starts_with("http://queue.fal.run/tripo3d/tripo/requests/"), "{job}");
    let port = fal.sim.addr().port();
    let call = fal.call(Method::POST, "/storage/upload/initiate").header("host", format!("rest.localhost:{port}"));
    let begun: Value = call.json(&json!({"file_name": "a.png"})).send().await?.json().await?;
    assert!(text(&begun, "file_url")?.starts_with(&format!("http://cdn.localhost:{port}/files/b/")), "{begun}");
    let call = fal.http.get(fal.url("/.well-known/jwks.json")).header("host", "rest.fal.ai");
    assert_eq!(call.send().await?.json::<Value>().await?["keys"][0]["crv"], "Ed25519");
    Ok(())
}

#[tokio::test]
async fn a_proxied_call_reaches_its_target_by_any_method() -> Result<()> {
    let fal = Fal::start().await?;
    let proxied = |method: Method, target: String| fal.call(method, "/anything").header("x-fal-target-url", target);
    let input = json!({"image_url": "https://example.com/sim-slow.png"});
    let call = proxied(Method::POST, format!("https://queue.fal.run/{TRIPO}")).json(&input);
    let job: Value = call.send().await?.error_for_status()?.json().await?;
    let request = format!("https://queue.fal.run/tripo3d/tripo/requests/{}", text(&job, "request_id")?);
    assert_eq!(proxied(Method::GET, format!("{request}/status?logs=1")).send().await?.status(), 202);
    let cancelled = proxied(Method::PUT, format!("{request}/cancel")).send().await?;
    assert!(cancelled.status().is_success());
    let unknown = proxied(Method::GET, "https://elsewhere.example/x".into()).send().await?;
    assert_eq!(unknown.status(), 404);
    Ok(())
}

#[tokio::test]
async fn the_proxy_adds_its_key_where_the_client_sends_none() -> Result<()> {
    let fal = Fal::start().await?;
    let target = format!("https://queue.fal.run/{TRIPO}");
    let input = json!({"image_url": "https://example.com/a.png"});
    let bare = |target: &str| fal.http.post(fal.url("/proxy")).header("x-fal-target-url", target).json(&input);
    let job: Value = bare(&target).send().await?.error_for_status()?.json().await?;
    // It is the configured key's, who may look at it without the proxy too.
    let request = format!("/queue/tripo3d/tripo/requests/{}/status", text(&job, "request_id")?);
    assert!(fal.get(&request).await?.status().is_success());
    let wrong = bare(&target).header("authorization", "Key nobody:nothing").send().await?;
    assert_eq!(wrong.status(), 401);
    let direct = fal.http.post(fal.url(&format!("/queue/{TRIPO}"))).json(&input).send().await?;
    assert_eq!(direct.status(), 401);
    Ok(())
}

#[tokio::test]
async fn browsers_may_call() -> Result<()> {
    let fal = Fal::start().await?;
    let answer = fal.http.request(Method::OPTIONS, fal.url(&format!("/queue/{TRIPO}"))).send().await?;
    assert_eq!((answer.status().as_u16(), answer.headers()["access-control-allow-origin"].to_str()?), (204, "*"));
    assert_eq!(fal.http.get(fal.url("/nowhere")).send().await?.status(), 404);
    Ok(())
}
