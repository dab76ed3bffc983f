//! Jobs by their task ids, in the words of the original and of Celery.

use image2model_tests::Product;
use image2model_tests::client::text;
use reqwest::Method;
use serde_json::Value;

use super::{header, photograph};

const FIELDS: [&str; 9] =
    ["status", "state", "progress", "current", "total", "message", "task_id", "timestamp", "result"];
const OF_THE_RESULT: [&str; 7] =
    ["job_id", "status", "total_files", "successful_files", "failed_files", "chord_task_id", "results"];

#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_through_the_originals_states() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1), photograph("b.jpg", 2)], &[]).await.unwrap();
    let path = format!("/api/v1/status/tasks/{}", text(&job, "task_id"));
    let mut seen: Vec<(String, String)> = Vec::new();
    let last = loop {
        let task = client.json(&format!("{path}?wait=30")).await.unwrap();
        assert!(FIELDS.iter().all(|name| task.get(name).is_some()), "{task}");
        let state = (text(&task, "status").to_owned(), text(&task, "state").to_owned());
        if seen.last() != Some(&state) {
            seen.push(state);
        }
        if task["result"] != Value::Null {
            break task;
        }
    };
    let known = [("queued", "PENDING"), ("processing", "PROGRESS"), ("retrying", "RETRY"), ("completed", "SUCCESS")];
    assert!(seen.iter().all(|(status, state)| known.contains(&(status.as_str(), state.as_str()))), "{seen:?}");
    assert_eq!(seen.last().unwrap(), &("completed".to_owned(), "SUCCESS".to_owned()));
    assert!(seen.iter().any(|(_, state)| state == "PROGRESS"), "{seen:?}");
    assert_eq!((&last["current"], &last["total"], &last["progress"]), (&2.into(), &2.into(), &100.into()));
    let result = &last["result"];
    assert!(OF_THE_RESULT.iter().all(|name| result.get(name).is_some()), "{result}");
    assert_eq!((&result["chord_task_id"], &result["successful_files"]), (&last["task_id"], &2.into()));
    assert_eq!(client.json(&format!("{path}/status/")).await.unwrap(), last);
    // Without its dashes it is the same task, and is told so.
    let plain = text(&job, "job_id");
    let told = client.json(&format!("/api/v1/status/tasks/{}", plain.to_uppercase())).await.unwrap();
    assert_eq!((text(&told, "task_id"), text(&told["result"], "chord_task_id")), (plain, plain));
    assert_eq!((&told["job_id"], &told["state"]), (&last["job_id"], &last["state"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_shows_as_a_retry() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("sim-server-error.jpg", 1)], &[]).await.unwrap();
    let path = format!("/api/v1/status/tasks/{}", text(&job, "task_id"));
    client.until(&path, |task| text(task, "state") == "PROGRESS").await.unwrap();
    // The next attempt waits until somebody has looked; the wait before it alone may be over in no time.
    let pause = client.request(Method::POST, "/api/v1/admin/queues/batch_processing/pause").send().await.unwrap();
    assert_eq!(pause.status(), 200);
    loop {
        let task = client.json(&format!("{path}?wait=30")).await.unwrap();
        if text(&task, "state") == "RETRY" {
            assert_eq!((text(&task, "status"), &task["result"]), ("retrying", &Value::Null));
            break;
        }
        assert_eq!(task["result"], Value::Null, "it ended without a second attempt: {task}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_nobody_knows_is_queued_and_what_is_no_uuid_is_refused() {
    let product = Product::setup().with("API_KEY", "user-key").start().unwrap();
    let client = product.client().unwrap();
    let unknown = "01234567-89AB-cdef-0123-456789abcdef";
    for path in [format!("/api/v1/status/tasks/{unknown}"), format!("/api/v1/status/tasks/{unknown}/status")] {
        let answer = client.get(&path).await.unwrap();
        let etag = header(&answer, "etag");
        let task: Value = answer.json().await.unwrap();
        assert_eq!((text(&task, "status"), text(&task, "state"), &task["result"]), ("queued", "PENDING", &Value::Null));
        assert_eq!(text(&task, "task_id"), unknown.to_lowercase());
        let again = client.request(Method::GET, &path).header("if-none-match", &etag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, etag));
    }
    let stream = client.get(&format!("/api/v1/status/tasks/{unknown}/stream?timeout=1")).await.unwrap();
    assert_eq!((stream.status().as_u16(), header(&stream, "content-type").as_str()), (200, "text/event-stream"));
    let events = stream.text().await.unwrap();
    let names: Vec<&str> = events.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!((names.first(), names.last()), (Some(&"task_queued"), Some(&"connection_timeout")), "{events}");
    let data = events.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let told: Value = serde_json::from_str(data).unwrap();
    assert_eq!((text(&told, "state"), text(&told, "task_id")), ("PENDING", unknown.to_lowercase().as_str()));
    for bad in ["nonsense", "0123456789abcdef0123456789abcde", "01234567-89ab-cdef-0123-456789abcdeg"] {
        for path in [format!("tasks/{bad}"), format!("tasks/{bad}/status"), format!("tasks/{bad}/stream")] {
            let answer = client.get(&format!("/api/v1/status/{path}")).await.unwrap();
            assert_eq!(answer.status(), 400, "{path}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["message"], "Invalid task ID format. Expected UUID format.");
            assert_eq!((text(&problem, "error_code"), &problem["error"]), ("HTTP_400", &true.into()));
        }
    }
}
