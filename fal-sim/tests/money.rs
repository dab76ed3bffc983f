//! What is paid: bills by image, a balance that runs out, cancelled requests that cost all the same, and what the request
//! history shows when.

#[cfg(test)]
mod support;

use anyhow::Result;
use fal_sim::Config;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Fal, TRIPO, jpeg, quick, text};

#[tokio::test]
async fn bills_are_by_image_whatever_its_url() -> Result<()> {
    let fal = Fal::start().await?;
    let (first, second) = (jpeg(64, 64)?, jpeg(80, 64)?);
    for image in [&first, &first, &second] {
        let url = fal.upload("a.jpg", image.clone()).await?;
        let (status, _) = fal.outcome(TRIPO, json!({"image_url": url})).await?;
        assert_eq!(status, 200);
    }
    let bills = fal.sim.bills();
    let facts: Vec<_> =
        bills.iter().map(|bill| (bill.image_sha256.clone(), bill.submits, bill.billed, bill.billed_units)).collect();
    let hash = |image: &[u8]| Some(hex::encode(Sha256::digest(image)));
    assert_eq!(facts, [(hash(&first), 2, 2, 60), (hash(&second), 1, 1, 30)]);
    let listed: Value = fal.http.get(fal.url("/sim/bills")).send().await?.json().await?;
    assert_eq!(listed["bills"][0]["requests"].as_array().map(Vec::len), Some(2));
    assert_eq!(fal.sim.requests()[2].image_sha256, hash(&second));
    Ok(())
}

#[tokio::test]
async fn a_spent_balance_refuses_until_it_is_topped_up() -> Result<()> {
    let fal = Fal::with(Config { balance: Some(30), ..quick()? }).await?;
    let job = fal.scenario("ok").await?;
    fal.completed(&job).await?;
    let token = || fal.call(Method::POST, "/rest/storage/auth/token?storage_type=fal-cdn-v3").json(&json!({})).send();
    let refused = fal.submit_raw(TRIPO, &json!({"image_url": "https://example.com/sim-ok.png"})).await?;
    assert_eq!((refused.status().as_u16(), token().await?.status().as_u16()), (403, 403));
    assert!(text(&refused.json().await?, "detail")?.starts_with("User is locked. Reason: Exhausted balance."));
    assert_eq!(fal.result(&job).await?.status(), 200, "what was paid can be fetched");
    let settings = fal.http.patch(fal.url("/sim/settings")).json(&json!({"top_up": 1})).send().await?;
    assert_eq!(settings.json::<Value>().await?["balance"], 1);
    fal.scenario("ok").await?;
    assert_eq!(token().await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_request_may_cost() -> Result<()> {
    let fal = Fal::start().await?;
    for (name, units) in [("slow", 0), ("cancel-billed", 30)] {
        let job = fal.scenario(name).await?;
        fal.until(&job, "IN_PROGRESS").await?;
        assert_eq!(fal.cancel(&job).await?.0, 202, "{name}");
        fal.completed(&job).await?;
        let result = fal.result(&job).await?;
        let billed = result.headers()["x-fal-billable-units"].to_str()?.parse::<u32>()?;
        assert_eq!((result.status().as_u16(), billed), (499, units), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn the_history_shows_requests_when_it_is_told_to() -> Result<()> {
    let fal = Fal::start().await?;
    let listed = async || -> Result<usize> {
        let page: Value =
            fal.get(&format!("/api/v1/models/requests/by-endpoint?endpoint_id={TRIPO}")).await?.json().await?;
        Ok(page["items"].as_array().map_or(0, Vec::len))
    };
    let job = fal.scenario("slow").await?;
    assert_eq!(listed().await?, 1);
    fal.sim.tune(|tuning| tuning.history_lag_ms = 3_600_000);
    assert_eq!(listed().await?, 0, "not yet");
    fal.sim.tune(|tuning| (tuning.history_lag_ms, tuning.history_lists_unfinished) = (0, false));
    assert_eq!(listed().await?, 0, "not finished");
    fal.cancel(&job).await?;
    fal.completed(&job).await?;
    assert_eq!(listed().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_browsers_token_is_good_for_its_applications() -> Result<()> {
    let fal = Fal::start().await?;
    let issue = |app: &str| fal.call(Method::POST, "/rest/tokens/").json(&json!({"allowed_apps": [app]})).send();
    let answer = issue("tripo").await?;
    assert_eq!(answer.status(), 201);
    let (good, other) = (answer.json::<String>().await?, issue("trellis").await?.json::<String>().await?);
    let input = json!({"image_url": "https://example.com/sim-ok.png"});
    let submit = |query: String| fal.http.post(fal.url(&format!("/queue/{TRIPO}{query}"))).json(&input);
    assert_eq!(submit(format!("?fal_jwt_token={good}")).send().await?.status(), 200);
    assert_eq!(submit(String::new()).bearer_auth(&good).send().await?.status(), 200);
    assert_eq!(submit(String::new()).bearer_auth(&other).send().await?.status(), 401);
    assert_eq!(fal.http.post(fal.url("/rest/tokens/")).json(&json!({})).send().await?.status(), 401);
    Ok(())
}
