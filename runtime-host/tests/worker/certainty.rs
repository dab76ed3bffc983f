//! What is known of a request although the answer to its submit is not: from the head of a broken answer, from the history,
//! from what the history is known to list.

use std::time::Duration;

use anyhow::Result;
use fal_sim::{Call, Kind, When};
use image2model_domain::commands::RetryFiles;
use image2model_domain::{FileStatus, JobStatus};
use image2model_host::fal::{EndpointId, FalClient, FalConfig, FalError, Submission};
use image2model_host::worker::{BreakerState, HistoryView};
use tokio::time::Instant;

use crate::support::{KEY, Parts, until};

/// Nothing is to be learned from the history.
fn close_history(parts: &Parts) {
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
}

#[tokio::test]
async fn a_submit_that_was_held_up_too_long_is_not_sent() -> Result<()> {
    let parts = Parts::start().await?;
    let client = FalClient::new(FalConfig::simulator(&parts.sim.base_url(), KEY.into()))?;
    let endpoint = EndpointId::parse("tripo3d/tripo/v2.5/image-to-3d")?;
    let submission = |not_after| Submission {
        body: r#"{"image_url":"https://example.com/sim-slow.png"}"#,
        start_within: Duration::from_secs(60),
        not_after,
        webhook: None,
        low_priority: false,
    };
    let error = client.submit(&endpoint, submission(Instant::now())).await.unwrap_err();
    assert!(matches!(error, FalError::TooLate), "{error}");
    assert!(parts.requests().is_empty());
    client.submit(&endpoint, submission(Instant::now() + Duration::from_secs(60))).await?;
    assert_eq!(parts.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_breaks_off_names_its_request_all_the_same() -> Result<()> {
    for broken in [Kind::TruncatedBody, Kind::BrokenBody] {
        let parts = Parts::start().await?;
        close_history(&parts);
        parts.disturb(Call::Submit, broken, When::After, 1);
        let worker = parts.work()?;
        let id = parts.upload(&["chair.png"]).await?;
        let job = parts.ended(&id).await?;
        assert_eq!(job.status, JobStatus::Completed, "{broken:?}: {job:#?}");
        assert_eq!(parts.requests().len(), 1);
        worker.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_image_is_called_by_its_file_and_its_attempt() -> Result<()> {
    let parts = Parts::start().await?;
    let worker = parts.work()?;
    let id = parts.upload(&["sim-runner-disconnected.png"]).await?;
    let file = parts.ended(&id).await?.files[0].id.clone();
    let requests = parts.requests();
    assert_eq!(requests.len(), 3);
    for (attempt, request) in requests.iter().enumerate() {
        let url = request.image_url.clone().unwrap_or_default();
        assert!(url.ends_with(&format!("{file}-0-{attempt}_sim-runner-disconnected.png")), "{url}");
    }
    worker.stop().await
}

#[tokio::test]
async fn a_history_that_lists_everything_and_has_none_says_that_none_was_accepted() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(40)..=Duration::from_secs(40)).await?;
    let worker = parts.work_with(parts.worker_config("w1"), |fal| fal.submit_timeout = Duration::from_secs(1))?;
    let first = parts.upload(&["chair.png"]).await?;
    until(|| matches!(worker.worker.status().history, HistoryView::All { .. })).await?;
    parts.ended(&first).await?;
    // Never accepted; the policy would let the file fail.
    parts.disturb(Call::Submit, Kind::Drop, When::Before, 1);
    let second = parts.upload(&["table.png"]).await?;
    let job = parts.ended(&second).await?;
    assert_eq!((job.status, job.files[0].attempts), (JobStatus::Completed, 0), "{job:#?}");
    assert_eq!(parts.requests().len(), 2);
    worker.stop().await?;
    // Whoever comes next knows it, too.
    let next = parts.work_as(parts.worker_config("w2"))?;
    until(|| matches!(next.worker.status().history, HistoryView::All { .. })).await?;
    next.stop().await
}

#[tokio::test]
async fn a_history_that_does_not_list_what_waits_is_not_believed() -> Result<()> {
    let parts = Parts::start_with(|sim| {
        sim.run_time = Duration::from_secs(80)..=Duration::from_secs(80);
        sim.queue_wait = Duration::ZERO..=Duration::ZERO;
        sim.concurrency = 1;
        sim.history_lists_waiting = false;
    })
    .await?;
    let worker = parts.work()?;
    // The first runs at once, and is listed.
    let first = parts.upload(&["chair.png"]).await?;
    until(|| matches!(worker.worker.status().history, HistoryView::All { .. })).await?;
    // The next waits for it, and is not.
    let second = parts.upload(&["table.png"]).await?;
    until(|| worker.worker.status().history == HistoryView::Started).await?;
    // Accepted, its answer lost, and still waiting when it is looked for: it may not be sent again.
    parts.disturb(Call::Submit, Kind::Drop, When::After, 1);
    let third = parts.upload(&["lamp.png"]).await?;
    let job = parts.ended(&third).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("SUBMIT_UNCERTAIN"));
    parts.completed(&first).await?;
    parts.completed(&second).await?;
    assert_eq!(parts.requests().len(), 3);
    worker.stop().await?;
    // Whoever comes next knows it, too.
    let next = parts.work_as(parts.worker_config("w2"))?;
    until(|| next.worker.status().history == HistoryView::Started).await?;
    next.stop().await
}

#[tokio::test]
async fn what_a_history_of_ended_requests_has_not_after_two_deadlines_was_never_accepted() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.history_lists_unfinished = false).await?;
    let worker = parts.work()?;
    parts.disturb(Call::Submit, Kind::Drop, When::Before, 1);
    let id = parts.upload(&["chair.png"]).await?;
    let job = parts.ended(&id).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("SUBMIT_UNCERTAIN"));
    let mut long_ago = redis::cmd("HSET");
    long_ago.arg(parts.store.keys().file(&id, &job.files[0].id)).arg("intended_at").arg(job.created_at - 4 * 3_600_000);
    parts.store.query::<()>(&long_ago).await?;
    parts.store.run(&RetryFiles { job: &id, files: None, max_waiting: None, request_id: "" }).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_history_of_ended_requests_is_known_for_what_it_is() -> Result<()> {
    let parts = Parts::start_with(|sim| {
        sim.run_time = Duration::from_secs(60)..=Duration::from_secs(60);
        sim.history_lists_unfinished = false;
    })
    .await?;
    let worker = parts.work()?;
    let first = parts.upload(&["chair.png"]).await?;
    until(|| worker.worker.status().history == HistoryView::Ended).await?;
    parts.disturb(Call::Submit, Kind::Drop, When::Before, 1);
    let second = parts.upload(&["table.png"]).await?;
    let job = parts.ended(&second).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("SUBMIT_UNCERTAIN"));
    parts.completed(&first).await?;
    worker.stop().await
}

/// A history that lists running requests without what they were given.
async fn history_without_inputs(parts: &Parts) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let behind = FalConfig::simulator(&parts.sim.base_url(), KEY.into()).api_url;
    let app = axum::Router::new().fallback(move |uri: axum::http::Uri| {
        let url = format!("{behind}{uri}");
        async move {
            let key = format!("Key {KEY}");
            let answer = reqwest::Client::new().get(url).header("authorization", key).send().await.unwrap();
            let mut page: serde_json::Value = answer.json().await.unwrap();
            for item in page["items"].as_array_mut().unwrap() {
                if item["status_code"].is_null() {
                    item["json_input"].take();
                }
            }
            axum::Json(page)
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(base)
}

#[tokio::test]
async fn a_history_that_does_not_say_what_runs_was_given_cannot_say_no() -> Result<()> {
    let run_time = Duration::from_secs(60)..=Duration::from_secs(60);
    let parts = Parts::start_with(|sim| sim.run_time = run_time).await?;
    let api_url = history_without_inputs(&parts).await?;
    let worker = parts.work_with(parts.worker_config("w1"), |fal| fal.api_url = api_url)?;
    parts.upload(&["chair.png"]).await?;
    until(|| worker.worker.status().history == HistoryView::Ended).await?;
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_fal_denies_while_it_may_run_is_not_sent_anew_for_its_owner() -> Result<()> {
    let parts = Parts::start_with(|sim| {
        sim.run_time = Duration::from_secs(1000)..=Duration::from_secs(1000);
        sim.history_lists_unfinished = false;
    })
    .await?;
    parts.disturb(Call::Status, Kind::NotFound, When::Before, 1000);
    let worker = parts.work()?;
    let id = parts.upload(&["chair.png"]).await?;
    for _ in 0..2 {
        let job = parts.ended(&id).await?;
        assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("PROVIDER_REQUEST_LOST"));
        parts.store.run(&RetryFiles { job: &id, files: None, max_waiting: None, request_id: "" }).await?;
    }
    parts.ended(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_key_that_may_not_read_the_history_costs_one_file_and_stops_nobody() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::History, Kind::Balance, When::Before, 1000);
    let worker = parts.work()?;
    until(|| worker.worker.status().history == HistoryView::Blind).await?;
    let lost = parts.upload(&["sim-accept-drop.png"]).await?;
    let fine = parts.upload(&["chair.png"]).await?;
    parts.completed(&fine).await?;
    let job = parts.ended(&lost).await?;
    assert_eq!(job.files[0].error.as_ref().map(|error| error.code.as_str()), Some("SUBMIT_UNCERTAIN"));
    assert_eq!(worker.worker.status().breaker, BreakerState::Closed);
    worker.stop().await
}

#[tokio::test]
async fn the_history_is_read_with_its_own_key_where_there_is_one() -> Result<()> {
    let parts = Parts::start().await?;
    let wrong = |fal: &mut FalConfig| fal.history_key = Some("no-id:nothing".into());
    let worker = parts.work_with(parts.worker_config("w1"), wrong)?;
    until(|| worker.worker.status().history == HistoryView::Blind).await?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.completed(&id).await?;
    worker.stop().await
}

#[tokio::test]
async fn a_stopping_worker_hears_the_answer_to_its_submit() -> Result<()> {
    let parts = Parts::start().await?;
    // Two seconds late, and the grace is over long before.
    parts.disturb(Call::Submit, Kind::Delay, When::After, 1);
    let mut config = parts.worker_config("w1");
    config.grace = Duration::from_millis(1);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["chair.png"]).await?;
    until(|| !parts.requests().is_empty()).await?;
    worker.stop().await?;
    let job = parts.job(&id).await?;
    assert_eq!(job.files[0].fal_request_id.as_deref(), Some(parts.requests()[0].request_id.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_queue_that_gives_no_connection_is_asked_at_its_other_domain() -> Result<()> {
    let parts = Parts::start().await?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let worker = parts.work_with(parts.worker_config("w1"), |fal| {
        fal.backup_queue_url = Some(std::mem::replace(&mut fal.queue_url, format!("http://{nobody}/queue")));
    })?;
    let id = parts.upload(&["chair.png"]).await?;
    parts.completed(&id).await?;
    assert_eq!(parts.requests().len(), 1);
    worker.stop().await
}

#[tokio::test]
async fn a_request_that_fal_denies_but_its_history_has_is_followed_on() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(40)..=Duration::from_secs(40)).await?;
    parts.disturb(Call::Status, Kind::NotFound, When::Before, 12);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_request_that_fal_denies_while_its_history_is_away_is_followed_on() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(40)..=Duration::from_secs(40)).await?;
    parts.disturb(Call::Status, Kind::NotFound, When::Before, 12);
    parts.disturb(Call::History, Kind::BadGateway, When::Before, 1000);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_result_that_is_denied_once_after_other_trouble_is_asked_for_again() -> Result<()> {
    let parts = Parts::start().await?;
    // Five in a row are what it takes, and the history does not have it either.
    parts.disturb(Call::Result, Kind::BadGateway, When::Before, 6);
    parts.disturb(Call::Result, Kind::NotFound, When::Before, 1);
    parts.disturb(Call::History, Kind::Unauthorized, When::Before, 1000);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_result_that_is_only_in_the_history_any_more_is_taken_from_there() -> Result<()> {
    let parts = Parts::start().await?;
    parts.disturb(Call::Result, Kind::NotFound, When::Before, 1000);
    assert_eq!(parts.completes("chair.png").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_file_says_when_it_takes_longer_than_usual_and_goes_on() -> Result<()> {
    let parts = Parts::start_with(|sim| sim.run_time = Duration::from_secs(40)..=Duration::from_secs(40)).await?;
    let mut config = parts.worker_config("w1");
    config.soft_deadline = Duration::from_millis(300);
    let worker = parts.work_as(config)?;
    let id = parts.upload(&["chair.png"]).await?;
    let slow = parts.file(&id, |file| file.message.contains("longer than usual")).await?;
    assert_ne!(slow.files[0].status, FileStatus::Failed);
    parts.completed(&id).await?;
    assert!(!parts.requests()[0].cancel_requested);
    worker.stop().await
}

#[tokio::test]
async fn a_submit_says_how_urgent_it_is_and_where_its_end_is_to_be_told() -> Result<()> {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let app = axum::Router::new().fallback(move |uri: axum::http::Uri, headers: axum::http::HeaderMap| async move {
        let _ = told.send((uri, headers));
        axum::Json(serde_json::json!({ "request_id": "r" }))
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = FalClient::new(FalConfig::simulator(&base, KEY.into()))?;
    let endpoint = EndpointId::parse("fal-ai/trellis")?;
    let webhook: url::Url = "https://models.example.org/api/v1/webhooks/fal?job=1&file=2".parse()?;
    for (low_priority, webhook) in [(false, None), (true, Some(&webhook))] {
        let (start_within, not_after) = (Duration::from_secs(60), Instant::now() + Duration::from_secs(60));
        client.submit(&endpoint, Submission { body: "{}", start_within, not_after, webhook, low_priority }).await?;
        let (uri, headers) = heard.recv().await.unwrap();
        assert_eq!(headers.get("x-fal-queue-priority").is_some(), low_priority);
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().next();
        let expected = webhook.map(|url| ("fal_webhook".to_owned(), url.to_string()));
        assert_eq!(query, expected);
        assert_eq!((headers["content-length"].to_str()?, headers.get("transfer-encoding")), ("2", None));
    }
    Ok(())
}
