//! All models of a job in one ZIP, and their list.

use image2model_tests::browser;
use image2model_tests::client::{Client, Upload, text};
use reqwest::Method;
use serde_json::Value;

use super::archive_contents::{Contents, test_file};
use super::{ended, model_path, photograph, quick};

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_models_come_in_one_archive() {
    let product = quick().start().unwrap();
    let client = product.client().unwrap();
    // Three photographs share a name, and one is called like the archive's own entry.
    let named = |n: u32| match n {
        0 | 7 | 19 => "vase.jpg".to_owned(),
        3 => "manifest.jpg".to_owned(),
        _ => format!("стул {n}.jpg"),
    };
    let files: Vec<Upload> = (0..25).map(|n| photograph(&named(n), n)).collect();
    let status = ended(&client, &files).await;
    assert_eq!(status["completed_files"], 25, "{status}");
    let all = format!("/api/v1/download/{}/all", text(&status, "job_id"));

    let zip = Contents::of(client.get(&format!("{all}?format=zip")).await.unwrap()).await;
    let names = zip.names();
    assert_eq!((names.len(), names[0].as_str()), (26, "manifest.json"));
    assert!(
        ["vase.glb", "vase (2).glb", "vase (3).glb", "manifest.glb", "стул 24.glb"]
            .iter()
            .all(|n| names.contains(&(*n).to_owned())),
        "{names:?}"
    );
    for nth in [0, 7, 19, 24] {
        let one = client.get(&model_path(&status, nth)).await.unwrap().bytes().await.unwrap();
        assert_eq!(zip.entry(&names[nth + 1]), one, "{}", names[nth + 1]);
    }
    let manifest = zip.manifest();
    assert_eq!((&manifest["included_files"], &manifest["total_files"]), (&25.into(), &25.into()));

    let head = client.request(Method::HEAD, &format!("{all}?format=zip")).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], zip.length.to_string());
    the_list_is_as_written(&client, &all, &status).await;
    the_client_chooses(&client, &all).await;
    a_browser_saves_it(product.url(), &format!("{all}?format=zip"));
}

async fn the_list_is_as_written(client: &Client, all: &str, status: &Value) {
    let list = client.json(all).await.unwrap();
    assert_eq!((&list["job_id"], &list["total_files"]), (&status["job_id"], &25.into()));
    for (nth, file) in list["files"].as_array().unwrap().iter().enumerate() {
        let of_status = &status["files"][nth];
        assert_eq!((&file["file_id"], &file["model_url"]), (&of_status["file_id"], &of_status["model_url"]));
        assert_eq!(
            (&file["download_url"], &file["rendered_image"]),
            (&of_status["download_url"], &of_status["rendered_image"])
        );
        assert!(text(file, "filename").ends_with(".glb") && text(file, "created_time").ends_with('Z'), "{file}");
        assert_eq!(file["file_size"], file["size"]);
        assert!(file["size"].as_u64().unwrap() > 0 && file["mime_type"] == "model/gltf-binary", "{file}");
        assert_eq!(list["download_urls"][nth], file["download_url"]);
    }
}

async fn the_client_chooses(client: &Client, all: &str) {
    for (accept, kind) in [
        ("application/zip", "application/zip"),
        ("application/zip, */*;q=0.1", "application/zip"),
        ("application/zip;q=0.4, application/json;q=0.5", "application/json"),
        ("application/zip;q=0, */*", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
    ] {
        let answer = client.request(Method::HEAD, all).header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], kind, "{accept}");
        assert!(answer.headers().get_all("vary").iter().any(|value| value == "accept"));
    }
    assert_eq!(client.get(&format!("{all}?format=rar")).await.unwrap().status(), 400);
}

/// Chromium downloads it as a file, which is as good as what the other clients got.
fn a_browser_saves_it(url: &str, path: &str) {
    if !browser::can_browse().unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("models.zip");
    let environment = [("BASE_URL", url.as_ref()), ("ARCHIVE", path.as_ref()), ("SAVE_AS", saved.as_os_str())];
    browser::drive("archive.test.mjs", &environment).unwrap();
    test_file(&saved);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_finished_is_named_in_the_manifest() {
    let product = quick().start().unwrap();
    let client = product.client().unwrap();
    let files = [photograph("a.jpg", 1), photograph("sim-content-policy.jpg", 2), photograph("sim-slow.jpg", 3)];
    let job = client.upload(&files, &[]).await.unwrap();
    let id = text(&job, "job_id");
    let mut status = client.json(&format!("/api/v1/status/{id}")).await.unwrap();
    while status["completed_files"] != 1 || status["failed_files"] != 1 {
        status = client.json(&format!("/api/v1/status/{id}?wait=5")).await.unwrap();
    }
    let zip = Contents::of(client.get(&format!("/api/v1/download/{id}/all?format=zip")).await.unwrap()).await;
    assert_eq!(zip.names(), ["manifest.json", "a.glb"]);
    let manifest = zip.manifest();
    assert_eq!((&manifest["included_files"], &manifest["total_files"]), (&1.into(), &3.into()));
    let told: Vec<_> =
        (0..3).map(|n| (&manifest["files"][n]["included"], text(&manifest["files"][n], "reason"))).collect();
    assert_eq!(told[0].0, true);
    assert_eq!((told[1].0, told[1].1), (&false.into(), "Making the model failed."));
    assert_eq!((told[2].0, told[2].1), (&false.into(), "The model was not finished when this archive was made."));
    let list = client.json(&format!("/api/v1/download/{id}/all")).await.unwrap();
    assert_eq!((&list["total_files"], &list["status"]), (&1.into(), &"processing".into()));
    assert_eq!(client.request(Method::DELETE, &format!("/api/v1/jobs/{id}")).send().await.unwrap().status(), 202);
}
