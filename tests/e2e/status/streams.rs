//! The two forms of event streams, as clients of the seeds and of the original read them.

use image2model_tests::Product;
use image2model_tests::client::text;
use reqwest::Method;
use serde_json::Value;

use super::{header, photograph};

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_tell_a_failure_in_their_clients_words() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2)], &[]).await.unwrap();
    let (id, task) = (text(&job, "job_id"), text(&job, "task_id"));
    let (seeds, original) =
        (format!("/api/v1/status/stream/{id}"), format!("/api/v1/status/tasks/{task}/stream?timeout=86400"));
    let (live, named) = tokio::join!(client.events(&seeds, None), client.events(&original, None));
    let (live, named) = (live.unwrap(), named.unwrap());
    let replayed = client.events(&seeds, None).await.unwrap();
    for events in [&live, &replayed] {
        let error = events.iter().map(|(_, _, e)| e).find(|e| text(e, "type") == "error").unwrap();
        assert!(!text(error, "error").is_empty() && !text(error, "error_code").is_empty(), "{error}");
        assert_eq!((text(error, "job_id"), &error["retryable"]), (id, &false.into()));
        let made = events.iter().map(|(_, _, e)| e).find(|e| text(e, "type") == "completed").unwrap();
        assert!(text(made, "model_url").starts_with("http"), "{made}");
        assert_eq!(events.iter().filter(|(_, _, e)| text(e, "type") == "job").count(), 1);
        assert!(events.iter().all(|(id, name, e)| !id.is_empty() && name.is_empty() && e.get("job_id").is_some()));
    }
    let (_, name, end) = named.last().unwrap();
    assert_eq!(
        (name.as_str(), text(end, "status"), text(end, "job_status")),
        ("task_completed", "completed", "partially_completed")
    );
    assert_eq!((&end["current"], &end["total"]), (&2.into(), &2.into()));
    let names = ["task_queued", "task_progress", "file_update", "task_completed", "heartbeat"];
    assert!(
        named
            .iter()
            .all(|(id, name, e)| !id.is_empty() && names.contains(&name.as_str()) && text(e, "task_id") == task)
    );

    // A place in the stream is taken up again from the header and from both forms of the query.
    let (cut, _, _) = &live[live.len() / 2];
    let rest = live[live.len() / 2 + 1..].to_vec();
    assert_eq!(client.events(&seeds, Some(cut)).await.unwrap(), rest);
    for query in ["last_event_id", "lastEventId"] {
        assert_eq!(client.events(&format!("{seeds}?{query}={cut}"), None).await.unwrap(), rest, "{query}");
    }
    let over =
        client.request(Method::GET, &seeds).header("last-event-id", &live.last().unwrap().0).send().await.unwrap();
    assert_eq!(over.status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_to_its_rules() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&[photograph("sim-slow.jpg", 1)], &[]).await.unwrap();
    let (seeds, task) = (
        format!("/api/v1/status/stream/{}", text(&job, "job_id")),
        format!("/api/v1/status/tasks/{}/stream", text(&job, "task_id")),
    );
    for path in [&seeds, &task] {
        let open = client.get(path).await.unwrap();
        assert_eq!((open.status().as_u16(), header(&open, "content-type").as_str()), (200, "text/event-stream"));
        assert_eq!(
            (header(&open, "cache-control").as_str(), header(&open, "x-accel-buffering").as_str()),
            ("no-store", "no")
        );
        drop(open);
        for (accept, status) in
            [("text/event-stream", 200), ("application/json", 406), ("text/event-stream;q=0,*/*", 406)]
        {
            let answer = client.request(Method::GET, path).header("accept", accept).send().await.unwrap();
            assert_eq!(answer.status(), status, "{accept}");
        }
    }
    for bad in ["0", "86401", "soon", "-5"] {
        let refused = client.get(&format!("{task}?timeout={bad}")).await.unwrap();
        assert_eq!(refused.status(), 422, "{bad}");
        assert_eq!(refused.json::<Value>().await.unwrap()["error_code"], "VALIDATION_ERROR");
    }
    let body = client.get(&format!("{task}?timeout=1")).await.unwrap().text().await.unwrap();
    assert!(body.starts_with("retry: "), "{body}");
    let last = body.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("event: connection_timeout") && last.contains("id: "), "{last}");
    let cancel = format!("/api/v1/jobs/{}", text(&job, "job_id"));
    assert_eq!(client.request(Method::DELETE, &cancel).send().await.unwrap().status(), 202);
    let named = client.events(&task, None).await.unwrap();
    assert_eq!(named.last().unwrap().1, "task_cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_files_task_id_opens_the_stream_of_its_job_to_whom_the_job_is_open() {
    let setup =
        Product::setup().with("API_KEY", "the-users-key-0123456789").with("ADMIN_API_KEY", "the-admins-key-0123");
    let product = setup.with("JOB_ACCESS", "owner").start().unwrap();
    let user = product.client_with_key("the-users-key-0123456789").unwrap();
    let stored = user.upload(&[photograph("a.jpg", 1)], &[("process", "false")]).await.unwrap();
    let (job, file) = (text(&stored, "job_id"), text(&stored["files"][0], "file_id"));
    let body = serde_json::json!({ "job_id": job, "file_id": file });
    let made = user.request(Method::POST, "/api/v1/models/generate-single").json(&body).send().await.unwrap();
    assert_eq!(made.status(), 202);
    let task = text(&made.json::<Value>().await.unwrap(), "model_task_id").to_owned();
    assert_eq!(task, text(&stored["files"][0], "task_id"), "the upload names it already");
    let path = format!("/api/v1/status/tasks/{task}/stream");

    let refused = product.client().unwrap().get(&path).await.unwrap();
    assert_eq!((refused.status().as_u16(), header(&refused, "www-authenticate").as_str()), (403, "Bearer"));
    let named = user.events(&path, None).await.unwrap();
    let (_, name, end) = named.last().unwrap();
    assert_eq!((name.as_str(), text(end, "task_id")), ("task_completed", text(&stored, "task_id")));
    assert!(named.iter().any(|(_, name, event)| name == "file_update" && text(event, "file_id") == file), "{named:?}");
}
