//! The caller's jobs, and how many may wait.

use std::collections::HashSet;

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::kept::stored_in;
use serde_json::{Value, json};

use super::photograph;

async fn pages(client: &image2model_tests::Client, query: &str) -> Vec<Value> {
    let (mut jobs, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.json(&format!("/api/v1/jobs?{query}{cursor}")).await.unwrap();
        jobs.extend(page["jobs"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return jobs,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_sees_its_own_jobs_a_page_at_a_time() {
    let product = Product::setup().with("API_KEY", "one").with("ADMIN_API_KEY", "admin").start().unwrap();
    let client = product.client_with_key("one").unwrap();
    let mut made = Vec::new();
    for n in 0..5 {
        let name = if n == 2 { "Chair, Stühle.jpg".to_owned() } else { format!("{n}.jpg") };
        let job = client.upload(&[photograph(&name, n)], &[("process", "false")]).await.unwrap();
        made.push(text(&job, "job_id").to_owned());
    }
    made.reverse();
    let listed = pages(&client, "limit=2").await;
    assert_eq!(listed.iter().map(|job| text(job, "job_id")).collect::<Vec<_>>(), made);
    assert_eq!((&listed[0]["status"], text(&listed[0], "first_filename")), (&json!("pending"), "4.jpg"));
    assert_eq!(pages(&client, "status=pending&limit=3").await.len(), 5);
    assert!(pages(&client, "status=failed").await.is_empty());
    for name in ["cHAIR", "ST%C3%9CHLE"] {
        let chair = pages(&client, &format!("filename={name}")).await;
        assert_eq!(chair.iter().map(|job| text(job, "job_id")).collect::<Vec<_>>(), [&made[2]], "{name}");
    }
    assert!(pages(&product.client_with_key("admin").unwrap(), "").await.is_empty(), "only the caller's own");
    for bad in ["status=done", "limit=0", "limit=101", "cursor=1"] {
        assert_eq!(client.get(&format!("/api/v1/jobs?{bad}")).await.unwrap().status(), 422, "{bad}");
    }
    assert_eq!(product.client().unwrap().get("/api/v1/jobs").await.unwrap().status(), 403);
}

/// However many come at once, exactly so many may wait.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_files_wait_than_may() {
    let product = Product::setup().with("MAX_QUEUED_FILES", "4").with("MAX_CONCURRENT_TASKS", "1").start().unwrap();
    let client = product.client().unwrap();
    // Nothing after this one starts: what follows waits.
    let first = client.upload(&[photograph("sim-slow.jpg", 9)], &[]).await.unwrap();
    let id = text(&first, "job_id");
    super::until(&client, id, |status| status["files"][0]["status"] == "processing").await;
    let send = |n: u32| {
        let client = client.clone();
        async move { client.post_upload(&[photograph(&format!("{n}.jpg"), n)], &[]).await.unwrap() }
    };
    let answers = futures::future::join_all((0..12).map(send)).await;
    let taken = answers.iter().filter(|answer| answer.status() == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status() == 503).collect();
    assert_eq!((taken, refused.len()), (4, 8));
    assert!(refused.iter().all(|answer| answer.headers().contains_key("retry-after")));
    let jobs = pages(&client, "").await;
    let ids: HashSet<&str> = jobs.iter().map(|job| text(job, "job_id")).collect();
    assert_eq!((jobs.len(), ids.len()), (5, 5), "what was refused left nothing");
    let kept = stored_in(&product.data().join("uploads")).count();
    assert_eq!(kept, 5);
}
