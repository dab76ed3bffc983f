//! The main job over HTTP: upload, follow, download, list, ZIP.

use image2model_tests::client::{Upload, text};
use image2model_tests::{Product, glb, photo};
use reqwest::Method;
use serde_json::Value;

fn three() -> Vec<Upload> {
    vec![
        Upload::new("vase.jpg", photo::jpeg(800, 600, 1).unwrap()),
        Upload::new("still life.png", photo::png(320, 400, 2).unwrap()),
        Upload::new("vase.jpg", photo::jpeg(640, 640, 3).unwrap()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn photographs_become_models() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();

    let job = client.upload(&three(), &[("face_limit", "5000")]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    assert_eq!(job["status"], "pending");
    assert_eq!(job["total_files"], 3);
    assert_eq!(job["batch_id"], job["job_id"]);
    assert_eq!(job["face_limit"], 5000);
    assert_eq!(job["uploaded_files"][0]["status"], "uploaded");
    assert_eq!(job["files"][1]["filename"], "still life.png");
    assert_eq!((job["files"][1]["width"].as_u64(), job["files"][1]["height"].as_u64()), (Some(320), Some(400)));
    assert_eq!(text(&job, "task_id").len(), 36);

    let status = client.ended(&id).await.unwrap();
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(status["progress"], 100);
    assert_eq!(status["completed_files"], 3);

    for file in status["files"].as_array().unwrap() {
        let model = client.get(&format!("{}?stream=1", text(file, "download_url"))).await.unwrap();
        assert_eq!(model.status(), 200);
        assert!(model.headers()["content-disposition"].to_str().unwrap().contains(".glb"));
        let facts = glb::inspect(&model.bytes().await.unwrap()).unwrap();
        assert!(facts.triangles > 100 && facts.triangles <= 5000, "{facts:?}");
        assert_eq!(facts.textures, 1);
        let preview = client.get(&format!("/api/v1/download/{id}/{}/preview", text(file, "file_id"))).await.unwrap();
        assert_eq!(preview.status(), 200);
        image::load_from_memory(&preview.bytes().await.unwrap()).unwrap();
    }

    let original =
        client.get(&format!("/api/v1/download/{id}/{}/original", text(&status["files"][0], "file_id"))).await.unwrap();
    assert_eq!(original.bytes().await.unwrap(), three()[0].bytes);
    assert!(product.data().join(format!("uploads/{id}/metadata.json")).is_file());
    let stored = product.data().join(format!("results/{id}/{}_model.glb", text(&status["files"][0], "file_id")));
    assert!(stored.is_file(), "{}", stored.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_streams_tell_everything_and_end() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&three()[..2], &[]).await.unwrap();
    let (id, task) = (text(&job, "job_id"), text(&job, "task_id"));

    let (seeds, originals) = (format!("/api/v1/status/stream/{id}"), format!("/api/v1/status/tasks/{task}/stream"));
    let (plain, named) = tokio::join!(client.events(&seeds, None), client.events(&originals, None),);
    let (plain, named) = (plain.unwrap(), named.unwrap());

    assert!(plain.iter().all(|(id, name, _)| !id.is_empty() && name.is_empty()));
    let last = &plain.last().unwrap().2;
    assert_eq!((text(last, "type"), text(last, "status")), ("job", "completed"));
    let ends = plain.iter().filter(|(_, _, e)| text(e, "type") == "completed").count();
    assert_eq!(ends, 2, "each file completes once");
    let overall: Vec<u64> = plain.iter().filter_map(|(_, _, e)| e["overall_progress"].as_u64()).collect();
    assert!(overall.is_sorted() && overall.last() == Some(&100), "{overall:?}");
    assert!(overall.iter().filter(|p| **p > 0 && **p < 100).count() > 2, "progress moves: {overall:?}");

    assert_eq!(named.last().unwrap().1, "task_completed");
    assert!(
        named.iter().any(|(_, name, _)| name == "file_update")
            && named.iter().any(|(_, name, _)| name == "task_progress")
    );

    // Whoever saw only the beginning is told exactly the rest.
    let cut = plain.len() / 2;
    let rest = client.events(&format!("/api/v1/status/stream/{id}"), Some(&plain[cut].0)).await.unwrap();
    assert_eq!(rest, plain[cut + 1..].to_vec());
    let again = client
        .request(Method::GET, &format!("/api/v1/status/stream/{id}"))
        .header("last-event-id", &plain.last().unwrap().0);
    assert_eq!(again.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_as_one_zip() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&three(), &[]).await.unwrap();
    let id = text(&job, "job_id").to_owned();
    client.ended(&id).await.unwrap();

    let list = client.json(&format!("/api/v1/download/{id}/all")).await.unwrap();
    assert_eq!(list["total_files"], 3);
    assert_eq!(list["download_urls"].as_array().unwrap().len(), 3);

    let answer = client.get(&format!("/api/v1/download/{id}/all?format=zip")).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let declared: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes.len(), declared);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.zip");
    std::fs::write(&path, &bytes).unwrap();
    let check = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print('\\n'.join(z.namelist()))";
    let output = std::process::Command::new("python3").args(["-c", check]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(names.iter().filter(|n| n.ends_with(".glb")).count(), 3);
    assert!(names.iter().any(|n| n == "manifest.json"));
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_resumes_a_download() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&three()[..1], &[]).await.unwrap();
    let status = client.ended(text(&job, "job_id")).await.unwrap();
    let path = text(&status["files"][0], "download_url").to_owned();
    let whole = client.get(&path).await.unwrap();
    let tag = whole.headers()["etag"].clone();
    let whole = whole.bytes().await.unwrap();

    let rest = client
        .request(Method::GET, &path)
        .header("range", "bytes=1000-")
        .header("if-range", tag.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(rest.status(), 206);
    assert_eq!(rest.headers()["content-range"], format!("bytes 1000-{}/{}", whole.len() - 1, whole.len()));
    assert_eq!(rest.bytes().await.unwrap(), whole.slice(1000..));
    let beyond =
        client.request(Method::GET, &path).header("range", format!("bytes={}-", whole.len())).send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let same = client.request(Method::GET, &path).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(same.status(), 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_the_job_in_the_originals_words() {
    let product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&three()[..1], &[]).await.unwrap();
    client.ended(text(&job, "job_id")).await.unwrap();
    let task = client.json(&format!("/api/v1/status/tasks/{}", text(&job, "task_id"))).await.unwrap();
    assert_eq!((text(&task, "status"), text(&task, "state")), ("completed", "SUCCESS"));
    assert_eq!(task["result"]["successful_files"], 1);

    let unknown = client.json("/api/v1/status/tasks/00000000-0000-4000-8000-000000000000/status").await.unwrap();
    assert_eq!(unknown["state"], "PENDING");
    let bad = client.get("/api/v1/status/tasks/not-a-uuid").await.unwrap();
    assert_eq!(bad.status(), 400);
    let problem: Value = bad.json().await.unwrap();
    assert_eq!(problem["message"], "Invalid task ID format. Expected UUID format.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_keeps_yesterdays_jobs() {
    let mut product = Product::setup().start().unwrap();
    let client = product.client().unwrap();
    let job = client.upload(&three()[..1], &[]).await.unwrap();
    let before = client.ended(text(&job, "job_id")).await.unwrap();
    product.stop().unwrap();
    product.start_again().unwrap();
    let after = client.json(&format!("/api/v1/status/{}", text(&job, "job_id"))).await.unwrap();
    assert_eq!(before, after);
    let model = client.get(text(&after["files"][0], "download_url")).await.unwrap();
    glb::inspect(&model.bytes().await.unwrap()).unwrap();
}
