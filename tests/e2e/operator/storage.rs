//! Disk, files and clearing away.

use std::time::Duration;

use image2model_tests::Product;
use image2model_tests::client::text;
use image2model_tests::sim::Sim;
use reqwest::Method;
use serde_json::json;

use super::{named, photograph, post, send};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_shown_and_a_dry_run_says_what_would_go() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let mut jobs = Vec::new();
    for seed in 1..=2 {
        let upload = client.upload(&[photograph("a.jpg", seed)], &[]).await.unwrap();
        jobs.push(text(&upload, "job_id").to_owned());
        client.ended(&jobs[jobs.len() - 1]).await.unwrap();
    }
    let usage = client.json("/api/v1/admin/disk-usage").await.unwrap();
    let (up, out) = (&usage["upload_dir"], &usage["output_dir"]);
    assert_eq!((&up["directory_count"], &out["directory_count"]), (&json!(2), &json!(2)), "{usage}");
    assert!(out["size_bytes"].as_u64() > Some(0) && up["disk_total_gb"].as_f64() > Some(0.0));
    assert!(!usage.to_string().contains(product.data().to_str().unwrap()), "a path of the machine is shown: {usage}");

    let page = client.json("/api/v1/admin/list-files?directory=results&limit=1").await.unwrap();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["complete"]), (1, &json!(true)));
    assert_eq!((&page["results"], &page["uploads"]), (&json!([page["items"][0]["path"]]), &json!([])));
    let next = format!("/api/v1/admin/list-files?directory=results&limit=1&cursor={}", text(&page, "next_cursor"));
    let rest = client.json(&next).await.unwrap();
    let mut listed = vec![text(&page["items"][0], "path"), text(&rest["items"][0], "path")];
    listed.sort_unstable();
    jobs.sort_unstable();
    assert_eq!((listed, rest["next_cursor"].is_null()), (jobs.iter().map(String::as_str).collect(), true));
    assert_eq!(client.get("/api/v1/admin/list-files?directory=/etc").await.unwrap().status(), 400);

    let (status, dry) =
        post(&client, "/api/v1/admin/cleanup", &json!({ "older_than_hours": 0, "dry_run": true })).await;
    assert_eq!((status, &dry["deleted_jobs"], &dry["files_removed"]), (200, &json!(2), &dry["deleted_files"]), "{dry}");
    assert!(dry["freed_bytes"].as_u64() > Some(0) && dry["files_removed"].as_u64() > Some(0), "{dry}");
    for (path, body) in
        [("", json!({ "hours": 0, "dryRun": true })), ("?dry_run=true", json!({ "hours": 0, "dry_run": false }))]
    {
        let (status, refused) = post(&client, &format!("/api/v1/admin/cleanup{path}"), &body).await;
        assert_eq!((status, &refused["error_code"]), (422, &json!("VALIDATION_ERROR")), "{body}");
    }
    let (status, again) = post(&client, "/api/v1/admin/cleanup?dry_run=true&hours=0", &json!({})).await;
    assert_eq!((status, &again["dry_run"], &again["deleted_jobs"]), (200, &json!(true), &json!(2)), "{again}");
    let (status, real) = post(&client, "/api/v1/admin/cleanup", &json!({ "hours": 0 })).await;
    assert_eq!(
        (status, &real["deleted_files"], &real["freed_bytes"]),
        (200, &dry["deleted_files"], &dry["freed_bytes"])
    );
    let usage = client.json("/api/v1/admin/disk-usage").await.unwrap();
    assert_eq!((&usage["upload_dir"]["file_count"], &usage["output_dir"]["file_count"]), (&json!(0), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_is_deleted_and_what_runs_only_by_force() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let upload = client.upload(&[photograph("sim-slow.jpg", 1)], &[]).await.unwrap();
    let job = text(&upload, "job_id");
    let (status, refused) = post(&client, "/api/v1/admin/cleanup-job", &json!({ "job_id": job })).await;
    assert_eq!((status, &refused["error_code"]), (409, &json!("JOB_RUNNING")));
    let listed = client.json("/api/v1/admin/jobs?tenant=anonymous").await.unwrap();
    assert_eq!(named(&listed["jobs"], "job_id", job)["tenant"], "anonymous");
    assert_eq!(client.json("/api/v1/admin/jobs?tenant=nobody").await.unwrap()["jobs"], json!([]));

    let (status, deleted) = send(&client, Method::DELETE, &format!("/api/v1/admin/delete-job/{job}")).await;
    assert_eq!(status, 200, "{deleted}");
    assert!(deleted["files_removed"].as_u64() > Some(0));
    assert_eq!(client.get(&format!("/api/v1/status/{job}")).await.unwrap().status(), 404);
    assert_eq!(send(&client, Method::DELETE, &format!("/api/v1/admin/delete-job/{job}")).await.0, 404);
    assert_eq!(client.json("/api/v1/admin/queues").await.unwrap()["totals"]["running"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_deleted_or_put_to_work_again_and_never_both() {
    let sim = Sim::start("60").unwrap();
    let product = Product::setup().with_sim(&sim).start().unwrap();
    let client = product.client().unwrap();
    for seed in 0..20 {
        let upload = client.upload(&[photograph("sim-content-policy.jpg", seed)], &[]).await.unwrap();
        let job = text(&upload, "job_id");
        client.ended(job).await.unwrap();
        let order = json!({ "job_id": job });
        let deletion = post(&client, "/api/v1/admin/cleanup-job", &order);
        let retry = async {
            tokio::time::sleep(Duration::from_micros(250 * u64::from(seed))).await;
            send(&client, Method::POST, &format!("/api/v1/jobs/{job}/retry")).await
        };
        let ((deleted, answer), (retried, _)) = tokio::join!(deletion, retry);
        assert!((deleted == 200) != (retried == 202), "deletion {deleted}, retry {retried}: {answer}");
    }
}
