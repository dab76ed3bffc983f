//! Faults have the wire form they name, meet exactly the calls they are armed for, and scenarios work by marker and by
//! the name of a file that was really uploaded.

#[cfg(test)]
mod support;

use anyhow::Result;
use fal_sim::{Armed, Call, Kind, RetryAfter, When};
use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Fal, TRIPO, jpeg, text};

#[tokio::test]
async fn outcomes_by_marker() -> Result<()> {
    let fal = Fal::start().await?;
    let cases = [
        ("content-policy", 422, json!("content_policy_violation")),
        ("file-download", 422, json!("file_download_error")),
        ("no-media", 422, json!("no_media_generated")),
        ("downstream", 500, json!("downstream_service_unavailable")),
        ("downstream-error", 400, json!("downstream_service_error")),
        ("generation-timeout", 504, json!("generation_timeout")),
        ("server-error", 500, json!("runner_server_error")),
        ("runner-disconnected", 503, json!("runner_disconnected")),
        ("start-timeout", 504, json!("startup_timeout")),
    ];
    for (name, code, kind) in cases {
        let job = fal.scenario(name).await?;
        let status = fal.completed(&job).await?;
        assert!(status["error"].is_string(), "{name}: {status}");
        let result = fal.result(&job).await?;
        assert_eq!(result.status().as_u16(), code, "{name}");
        assert!(result.headers().contains_key("x-fal-request-id"), "{name}: it is the job's outcome");
        let body: Value = result.json().await?;
        let found = if body["detail"].is_array() { &body["detail"][0]["type"] } else { &body["error_type"] };
        assert_eq!(found, &kind, "{name}: {body}");
    }
    let job = fal.scenario("missing-mesh").await?;
    fal.completed(&job).await?;
    let output: Value = fal.result(&job).await?.json().await?;
    assert!(output["task_id"].is_string() && output.get("model_mesh").is_none());
    Ok(())
}

#[tokio::test]
async fn the_name_of_an_uploaded_file_is_a_marker_too() -> Result<()> {
    let fal = Fal::start().await?;
    let url = fal.upload("sim-content-policy.jpg", jpeg(64, 64)?).await?;
    let (status, body) = fal.outcome(TRIPO, json!({"image_url": url})).await?;
    assert_eq!((status, &body["detail"][0]["type"]), (422, &json!("content_policy_violation")));
    let url = fal.upload("sim-429.jpg", jpeg(64, 64)?).await?;
    for expected in [429, 429, 200, 200] {
        let answer = fal.submit_raw(TRIPO, &json!({"image_url": url})).await?;
        assert_eq!(answer.status().as_u16(), expected);
    }
    assert_eq!(fal.sim.counts().accepted, 3, "a 429 accepts nothing");
    Ok(())
}

#[tokio::test]
async fn submits_that_are_lost_after_acceptance() -> Result<()> {
    let fal = Fal::start().await?;
    let input = json!({"image_url": "https://example.com/1-sim-accept-drop.png"});
    assert!(fal.submit_raw(TRIPO, &input).await.is_err());
    assert_eq!(fal.sim.counts().accepted, 1, "accepted, and paid for");
    assert_eq!(fal.submit_raw(TRIPO, &input).await?.status(), 200);
    assert_eq!(
        fal.sim.requests().iter().filter(|request| request.image_url == text(&input, "image_url").ok()).count(),
        2
    );
    let input = json!({"image_url": "https://example.com/1-sim-accept-502.png"});
    let answer = fal.submit_raw(TRIPO, &input).await?;
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("x-fal-request-id")), (502, false));
    assert!(answer.text().await?.contains("nginx"));
    assert_eq!(fal.sim.counts().accepted, 3);
    let answer = fal.submit_raw(TRIPO, &json!({"image_url": "https://example.com/sim-balance.png"})).await?;
    assert_eq!(answer.status(), 403);
    assert!(text(&answer.json().await?, "detail")?.contains("Exhausted balance"));
    assert_eq!(fal.sim.counts().accepted, 3);
    Ok(())
}

#[tokio::test]
async fn results_and_downloads_that_break() -> Result<()> {
    let fal = Fal::start().await?;
    for name in ["truncated-json", "reset"] {
        let job = fal.scenario(name).await?;
        fal.completed(&job).await?;
        for _ in 0..2 {
            let broken = match fal.result(&job).await {
                Ok(answer) => answer.json::<Value>().await.is_err(),
                Err(_) => true,
            };
            assert!(broken, "{name}");
        }
        assert!(fal.result(&job).await?.json::<Value>().await?["model_mesh"].is_object(), "{name}: whole at last");
    }
    for (name, whole_at_once, ever) in
        [("truncated-file", false, true), ("slow-body", true, true), ("expired-file", false, false)]
    {
        let job = fal.scenario(name).await?;
        fal.completed(&job).await?;
        let output: Value = fal.result(&job).await?.json().await?;
        let url = text(&output["model_mesh"], "url")?;
        let size = output["model_mesh"]["file_size"].as_u64();
        for wanted in [whole_at_once, ever] {
            let answer = fal.http.get(&url).send().await?;
            let found =
                answer.status() == StatusCode::OK && answer.bytes().await.ok().map(|bytes| bytes.len() as u64) == size;
            assert_eq!(found, wanted, "{name}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn armed_faults_have_their_wire_form() -> Result<()> {
    let fal = Fal::start().await?;
    let job = fal.scenario("slow").await?;
    let url = text(&job, "status_url")?;
    let cases = [
        (Kind::BadGateway, 502, false),
        (Kind::NginxUnavailable, 503, false),
        (Kind::ServerError, 500, false),
        (Kind::ServerErrorWithId, 500, true),
        (Kind::UnavailableWithId, 503, true),
        (Kind::TooManyRequests, 429, false),
        (Kind::Unauthorized, 401, false),
        (Kind::Balance, 403, false),
        (Kind::NotFound, 404, false),
    ];
    for (kind, code, with_id) in cases {
        fal.sim.arm(Armed::new(Call::Status, kind, When::Before, 1));
        let answer = fal.get(&url).await?;
        assert_eq!(
            (answer.status().as_u16(), answer.headers().contains_key("x-fal-request-id")),
            (code, with_id),
            "{kind:?}"
        );
        assert_eq!(answer.headers().contains_key("retry-after"), kind == Kind::TooManyRequests);
    }
    for kind in [Kind::Drop, Kind::Reset] {
        fal.sim.arm(Armed::new(Call::Status, kind, When::Before, 1));
        assert!(fal.get(&url).await.is_err(), "{kind:?}");
    }
    fal.sim.arm(Armed::new(Call::Status, Kind::BrokenBody, When::After, 1));
    assert!(fal.get(&url).await?.text().await.is_err(), "the body breaks off");
    assert_eq!(fal.get(&url).await?.status(), 202, "nothing is left armed");
    assert_eq!(fal.sim.counts().disturbed, 12);
    Ok(())
}

#[tokio::test]
async fn the_control_interface_arms_and_reports() -> Result<()> {
    let fal = Fal::start().await?;
    let faults = fal.url("/sim/faults");
    let armed = json!({"call": "submit", "fault": "too-many-requests", "times": 3, "path_contains": "tripo3d"});
    assert_eq!(fal.http.post(&faults).json(&armed).send().await?.status(), 201);
    assert_eq!(fal.submit_raw(TRIPO, &json!({})).await?.status(), 429);
    let listed: Value = fal.http.get(&faults).send().await?.json().await?;
    assert_eq!(listed["faults"][0]["times"], 2);
    assert_eq!(fal.http.delete(&faults).send().await?.status(), 204);
    let job = fal.scenario("ok").await?;
    fal.completed(&job).await?;
    let requests: Value = fal.http.get(fal.url("/sim/requests")).send().await?.json().await?;
    assert_eq!(
        (&requests["requests"][0]["request_id"], &requests["requests"][0]["outcome"]),
        (&job["request_id"], &json!(200))
    );
    let counters: Value = fal.http.get(fal.url("/sim/counters")).send().await?.json().await?;
    assert_eq!(
        (&counters["accepted"], &counters["calls"]["submit"], &counters["billed_units"]),
        (&json!(1), &json!(2), &json!(30))
    );
    let chaos = fal.url("/sim/chaos");
    let profile = json!({"seed": 7, "probability": 1.0, "calls": ["submit"], "faults": ["not-found"]});
    assert_eq!(fal.http.put(&chaos).json(&profile).send().await?.status(), 200);
    assert_eq!(fal.submit_raw(TRIPO, &json!({})).await?.status(), 404);
    assert_eq!(fal.http.delete(&chaos).send().await?.status(), 204);
    assert_eq!(fal.submit_raw(TRIPO, &json!({})).await?.status(), 200);
    for wrong in [json!({"call": "submit"}), json!({"call": "submit", "fault": "reset", "surprise": 1})] {
        assert_eq!(fal.http.post(&faults).json(&wrong).send().await?.status(), 400);
    }
    assert_eq!(fal.http.request(Method::PATCH, &faults).send().await?.status(), 405);
    Ok(())
}

#[tokio::test]
async fn refusals_say_when_to_come_back() -> Result<()> {
    let fal = Fal::start().await?;
    let armed = |kind, retry_after| Armed { retry_after, ..Armed::new(Call::Submit, kind, When::Before, 1) };
    fal.sim.arm(armed(Kind::TooManyRequests, Some(RetryAfter::Seconds(7))));
    let answer = fal.submit_raw(TRIPO, &json!({})).await?;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str()?), (429, "7"));
    fal.sim.arm(armed(Kind::NginxUnavailable, Some(RetryAfter::Date(60))));
    let answer = fal.submit_raw(TRIPO, &json!({})).await?;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers()["retry-after"].to_str()?.ends_with(" GMT"));
    Ok(())
}

#[tokio::test]
async fn a_late_submit_is_accepted_without_its_caller() -> Result<()> {
    let fal = Fal::start().await?;
    let late = Armed { delay_ms: Some(300), ..Armed::new(Call::Submit, Kind::Late, When::Before, 1) };
    fal.sim.arm(late);
    let input = json!({"image_url": "https://example.com/sim-ok.png"});
    let call = fal.call(Method::POST, &format!("/queue/{TRIPO}")).timeout(std::time::Duration::from_millis(100));
    assert!(call.json(&input).send().await.is_err(), "the caller left");
    assert_eq!(fal.sim.counts().accepted, 0, "nothing is accepted yet");
    tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
    assert_eq!(fal.sim.counts().accepted, 1);
    Ok(())
}

#[tokio::test]
async fn vanished_results_and_dropped_streams() -> Result<()> {
    let fal = Fal::start().await?;
    let job = fal.scenario("vanished").await?;
    fal.completed(&job).await?;
    assert_eq!(fal.result(&job).await?.status(), 404);
    let job = fal.scenario("ok").await?;
    fal.completed(&job).await?;
    fal.sim.arm(Armed::new(Call::Status, Kind::Vanish, When::Before, 1));
    fal.completed(&job).await?;
    for _ in 0..2 {
        assert_eq!(fal.result(&job).await?.status(), 404, "gone for good");
    }
    let job = fal.scenario("stream-drop").await?;
    let url = format!("{}/stream", text(&job, "status_url")?);
    let mut pieces = fal.get(&url).await?.bytes_stream();
    let first = pieces.next().await.expect("an event")?;
    assert!(std::str::from_utf8(&first)?.contains("\"status\""), "whole so far");
    assert!(pieces.next().await.expect("no clean end").is_err(), "it breaks off");
    let whole = fal.get(&url).await?.text().await?;
    assert!(whole.contains("COMPLETED"), "only the first breaks off");
    Ok(())
}
