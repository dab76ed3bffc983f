//! The queue's behaviour: states, order, limits, deadlines, cancellation, and who may see what.

#[cfg(test)]
mod support;

use anyhow::Result;
use fal_sim::{Armed, Call, Config, Kind, When};
use reqwest::Method;
use serde_json::{Value, json};
use support::{Fal, OTHER_KEY, TRIPO, quick, text};

#[tokio::test]
async fn a_job_goes_its_whole_way() -> Result<()> {
    let fal = Fal::start().await?;
    let answer = fal.submit_raw(TRIPO, &json!({"image_url": "https://example.com/sim-ok.png"})).await?;
    let header = answer.headers()["x-fal-request-id"].to_str()?.to_owned();
    let job: Value = answer.json().await?;
    assert_eq!((job["request_id"].as_str(), &job["status"]), (Some(header.as_str()), &json!("IN_QUEUE")));
    assert!(job["queue_position"].is_u64() && job["logs"].is_null());
    let base = format!("{}/queue/tripo3d/tripo/requests/{header}", fal.sim.base_url());
    assert_eq!(text(&job, "response_url")?, base);
    assert_eq!(text(&job, "status_url")?, format!("{base}/status"));
    let early = fal.result(&job).await?;
    assert_eq!(early.status(), 400);
    assert_eq!(early.json::<Value>().await?["detail"], "Request is still in progress");
    let done = fal.completed(&job).await?;
    assert!(done["metrics"]["inference_time"].is_f64() && !done["logs"].as_array().unwrap().is_empty());
    assert!(done.get("error").is_none());
    let plain: Value = fal.get(&text(&job, "status_url")?).await?.json().await?;
    assert!(plain["logs"].is_null(), "logs only when asked for");
    for form in [format!("{base}/"), format!("{base}/response"), fal.url(&format!("/queue/{TRIPO}/requests/{header}"))]
    {
        let result = fal.get(&form).await?;
        assert_eq!(
            (result.status().as_u16(), result.headers()["x-fal-billable-units"].to_str()?),
            (200, "30"),
            "{form}"
        );
        assert_eq!(result.headers()["x-fal-request-id"], header.as_str());
    }
    Ok(())
}

#[tokio::test]
async fn callers_need_a_key_and_see_only_their_own() -> Result<()> {
    let mut fal = Fal::start().await?;
    let url = fal.url(&format!("/queue/{TRIPO}"));
    for (header, expected) in [
        (None, "Authentication is required to access this resource."),
        (Some("Key nonsense"), "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."),
        (Some("Key good:wrong"), "No user found for Key ID and Secret"),
    ] {
        let mut call = fal.http.post(&url).json(&json!({}));
        if let Some(header) = header {
            call = call.header("authorization", header);
        }
        let answer = call.send().await?;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.json::<Value>().await?["detail"], expected);
    }
    assert_eq!(fal.submit_raw("tripo3d/unheard/of", &json!({})).await?.status(), 404);
    let job = fal.scenario("ok").await?;
    fal.completed(&job).await?;
    fal.key = OTHER_KEY;
    assert_eq!(fal.get(&text(&job, "status_url")?).await?.status(), 404);
    assert_eq!(fal.result(&job).await?.status(), 404);
    assert_eq!(fal.cancel(&job).await?, (404, json!({"status": "NOT_FOUND"})));
    assert_eq!(fal.sim.counts().accepted, 1);
    Ok(())
}

#[tokio::test]
async fn only_so_many_run_and_the_rest_count_down() -> Result<()> {
    let fal = Fal::with(Config { concurrency: 1, speed: 1_000_000.0, ..quick()? }).await?;
    let slow = fal.scenario("slow").await?;
    fal.until(&slow, "IN_PROGRESS").await?;
    let (first, second) = (fal.scenario("ok").await?, fal.scenario("ok").await?);
    assert_eq!((&first["queue_position"], &second["queue_position"]), (&json!(0), &json!(1)));
    let full = format!("/queue/{TRIPO}?fal_max_queue_length=1");
    let refused = fal.call(Method::POST, &full).json(&json!({"image_url": "x"})).send().await?;
    assert_eq!(refused.status(), 429);
    let run = fal.call(Method::POST, &format!("/run/{TRIPO}")).json(&json!({"image_url": "x"})).send().await?;
    assert_eq!((run.status().as_u16(), run.headers()["x-fal-needs-retry"].to_str()?), (429, "1"));
    assert_eq!(run.json::<Value>().await?["error_type"], "concurrent_requests_limit");
    assert_eq!(fal.sim.counts().accepted, 3, "refused calls are not accepted");
    assert_eq!(fal.cancel(&first).await?.0, 200);
    fal.completed(&first).await?;
    assert_eq!(fal.until(&second, "IN_QUEUE").await?["queue_position"], 0);
    fal.cancel(&slow).await?;
    fal.completed(&second).await?;
    Ok(())
}

#[tokio::test]
async fn low_priority_starts_after_normal() -> Result<()> {
    let fal = Fal::with(Config { concurrency: 1, ..quick()? }).await?;
    let slow = fal.scenario("slow").await?;
    fal.until(&slow, "IN_PROGRESS").await?;
    let input = json!({"image_url": "https://example.com/sim-ok.png"});
    let low = fal.call(Method::POST, &format!("/queue/{TRIPO}")).header("x-fal-queue-priority", "low");
    let low: Value = low.json(&input).send().await?.json().await?;
    let normal = fal.submit(input).await?;
    fal.cancel(&slow).await?;
    fal.completed(&low).await?;
    fal.completed(&normal).await?;
    let started = |job: &Value| {
        let id = job["request_id"].as_str().unwrap_or_default().to_owned();
        fal.sim.requests().into_iter().find(|request| request.request_id == id).and_then(|request| request.started_at)
    };
    assert!(started(&normal) < started(&low));
    Ok(())
}

#[tokio::test]
async fn the_callers_start_deadline_is_kept() -> Result<()> {
    let fal = Fal::with(Config { concurrency: 1, ..quick()? }).await?;
    let slow = fal.scenario("slow").await?;
    fal.until(&slow, "IN_PROGRESS").await?;
    let call = fal.call(Method::POST, &format!("/queue/{TRIPO}")).header("x-fal-request-timeout", "600");
    let call = call.header("x-fal-request-start-timeout", "0.3").json(&json!({"image_url": "x"}));
    let job: Value = call.send().await?.json().await?;
    assert_eq!(fal.completed(&job).await?["error_type"], "startup_timeout");
    let result = fal.result(&job).await?;
    assert_eq!((result.status().as_u16(), result.headers()["x-fal-request-timeout-type"].to_str()?), (504, "user"));
    let call = fal.call(Method::POST, &format!("/queue/{TRIPO}")).header("x-fal-request-timeout", "0.05");
    assert_eq!(call.json(&json!({})).send().await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn cancelling_depends_on_how_far_the_job_is() -> Result<()> {
    let fal = Fal::with(Config { concurrency: 1, ..quick()? }).await?;
    let running = fal.scenario("slow").await?;
    fal.until(&running, "IN_PROGRESS").await?;
    let queued = fal.scenario("ok").await?;
    assert_eq!(fal.cancel(&queued).await?, (200, json!({"status": "OK"})));
    assert_eq!(fal.cancel(&running).await?, (202, json!({"status": "CANCELLATION_REQUESTED"})));
    for job in [&queued, &running] {
        fal.completed(job).await?;
        let result = fal.result(job).await?;
        assert_eq!(result.status(), 499);
        assert_eq!(result.json::<Value>().await?["error_type"], "client_cancelled");
        assert_eq!(fal.cancel(job).await?, (400, json!({"status": "ALREADY_COMPLETED"})));
    }
    let stubborn = fal.scenario("cancel-ignored").await?;
    fal.until(&stubborn, "IN_PROGRESS").await?;
    assert_eq!(fal.cancel(&stubborn).await?.0, 202);
    fal.completed(&stubborn).await?;
    assert_eq!(fal.result(&stubborn).await?.status(), 200, "it finished all the same");
    Ok(())
}

#[tokio::test]
async fn the_status_stream_tells_each_thing_once() -> Result<()> {
    let fal = Fal::start().await?;
    let job = fal.scenario("requeue").await?;
    let stream = fal.get(&format!("{}/stream?logs=1", text(&job, "status_url")?)).await?;
    assert!(stream.headers()["content-type"].to_str()?.starts_with("text/event-stream"));
    let body = stream.text().await?;
    let events: Vec<Value> = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(events.last().map(|event| event["status"].clone()), Some(json!("COMPLETED")));
    let logs: Vec<&Value> = events.iter().filter_map(|event| event["logs"].as_array()).flatten().collect();
    let status: Value = fal.completed(&job).await?;
    assert_eq!(Some(logs.len()), status["logs"].as_array().map(Vec::len), "every line once");
    Ok(())
}

#[tokio::test]
async fn a_submit_whose_answer_was_lost_is_in_the_history() -> Result<()> {
    let fal = Fal::start().await?;
    assert!(fal.sim.arm(Armed::new(Call::Submit, Kind::Drop, When::After, 1)));
    let url = "https://example.com/job-77-sim-ok.png";
    assert!(fal.submit_raw(TRIPO, &json!({"image_url": url})).await.is_err(), "no answer came");
    let path = format!("/api/v1/models/requests/by-endpoint?endpoint_id={TRIPO}&expand=payloads&limit=10");
    let history: Value = fal.get(&path).await?.json().await?;
    let items = history["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["json_input"]["image_url"]), (1, &json!(url)));
    let status = format!("/queue/tripo3d/tripo/requests/{}/status", text(&items[0], "request_id")?);
    fal.completed(&json!({"status_url": status})).await?;
    let history: Value = fal.get(&path).await?.json().await?;
    assert_eq!(history["items"][0]["status_code"], 200);
    assert!(history["items"][0]["json_output"]["model_mesh"].is_object());
    assert_eq!(fal.get("/api/v1/models/requests/by-endpoint").await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn shutdown_ends_jobs_and_open_streams() -> Result<()> {
    let fal = Fal::start().await?;
    let job = fal.scenario("slow").await?;
    let stream = fal.get(&format!("{}/stream", text(&job, "status_url")?)).await?;
    let address = fal.sim.addr();
    fal.sim.shutdown().await;
    // Ends either way; what matters is that it does.
    let _ = stream.text().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the listener is closed");
    Ok(())
}
