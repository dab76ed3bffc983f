//! Storage as both official clients use it, and files as anyone may fetch them.

#[cfg(test)]
mod support;

use anyhow::Result;
use fal_sim::Config;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use support::{Fal, quick, text};

async fn begin(fal: &Fal, path: &str, name: &str) -> Result<(String, String)> {
    let call = fal.call(Method::POST, path).json(&json!({"file_name": name, "content_type": "image/png"}));
    let begun: Value = call.send().await?.error_for_status()?.json().await?;
    Ok((text(&begun, "upload_url")?, text(&begun, "file_url")?))
}

#[tokio::test]
async fn files_are_served_whole_in_parts_and_by_head() -> Result<()> {
    let fal = Fal::start().await?;
    let url = fal.upload("a.jpg", b"0123456789".to_vec()).await?;
    let whole = fal.http.get(&url).send().await?;
    let etag = whole.headers()["etag"].to_str()?.to_owned();
    assert_eq!((whole.status().as_u16(), whole.headers()["content-type"].to_str()?), (200, "image/jpeg"));
    assert_eq!(whole.text().await?, "0123456789");
    let part = fal.http.get(&url).header("range", "bytes=2-4").send().await?;
    assert_eq!((part.status().as_u16(), part.headers()["content-range"].to_str()?), (206, "bytes 2-4/10"));
    assert_eq!(part.text().await?, "234");
    let rest = fal.http.get(&url).header("range", "bytes=7-").header("if-range", &etag).send().await?;
    assert_eq!((rest.status().as_u16(), rest.text().await?.as_str()), (206, "789"));
    let changed = fal.http.get(&url).header("range", "bytes=7-").header("if-range", "\"other\"").send().await?;
    assert_eq!(changed.status(), 200);
    let beyond = fal.http.get(&url).header("range", "bytes=10-").send().await?;
    assert_eq!((beyond.status().as_u16(), beyond.headers()["content-range"].to_str()?), (416, "bytes */10"));
    let head = fal.http.head(&url).send().await?;
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str()?), (200, "10"));
    assert_eq!(head.text().await?, "");
    assert_eq!(fal.http.get(&url).header("if-none-match", &etag).send().await?.status(), 304);
    Ok(())
}

#[tokio::test]
async fn a_signed_url_takes_only_its_own_file() -> Result<()> {
    let fal = Fal::start().await?;
    let (put, file) = begin(&fal, "/rest/storage/upload/initiate?storage_type=gcs", "a.png").await?;
    let (_, other) = begin(&fal, "/rest/storage/upload/initiate?storage_type=fal-cdn-v3", "b.png").await?;
    let signature = put.split_once('?').unwrap().1;
    for wrong in [format!("{file}?signature=0"), file.clone(), format!("{other}?{signature}")] {
        assert_eq!(fal.http.put(&wrong).body("x").send().await?.status(), 403, "{wrong}");
    }
    assert_eq!(fal.http.get(&file).send().await?.status(), 404, "nothing there before the upload");
    assert_eq!(fal.http.put(&put).body("x").send().await?.status(), 200);
    assert_eq!(fal.sim.counts().uploads_with_credentials, 0);
    assert_eq!(fal.call(Method::PUT, &put).body("y").send().await?.status(), 200);
    assert_eq!(fal.sim.counts().uploads_with_credentials, 1, "a leaked key is noticed");
    assert_eq!(fal.http.get(&file).send().await?.text().await?, "y");
    let call = fal.call(Method::POST, "/rest/storage/upload/initiate?storage_type=tape").json(&json!({}));
    assert_eq!(call.send().await?.status(), 400);
    Ok(())
}

#[tokio::test]
async fn parts_come_together_in_order() -> Result<()> {
    let fal = Fal::start().await?;
    let (put, file) = begin(&fal, "/rest/storage/upload/initiate-multipart?storage_type=fal-cdn-v3", "a.bin").await?;
    let (path, query) = put.split_once('?').unwrap();
    let mut parts = Vec::new();
    for (number, content) in [(2, "world"), (1, "hello ")] {
        let answer = fal.http.put(format!("{path}/{number}?{query}")).body(content).send().await?;
        let header = answer.headers()["etag"].to_str()?.to_owned();
        let part: Value = answer.json().await?;
        assert_eq!((part["etag"].as_str(), &part["partNumber"]), (Some(header.as_str()), &json!(number)));
        parts.push(part);
    }
    let complete = format!("{path}/complete?{query}");
    let wrong = json!({"parts": [{"partNumber": 1, "etag": "\"0\""}]});
    assert_eq!(fal.http.post(&complete).json(&wrong).send().await?.status(), 400);
    assert_eq!(fal.http.post(&complete).json(&json!({"parts": parts})).send().await?.status(), 200);
    assert_eq!(fal.http.get(&file).send().await?.text().await?, "hello world");
    Ok(())
}

#[tokio::test]
async fn files_expire_and_old_ones_make_room() -> Result<()> {
    let fal = Fal::with(Config { max_stored_bytes: 25, max_file_bytes: 20, ..quick()? }).await?;
    let call = fal.call(Method::POST, "/rest/storage/upload/initiate?storage_type=fal-cdn-v3");
    let call = call.header("x-fal-object-lifecycle", r#"{"expiration_duration_seconds":0.05}"#);
    let begun: Value = call.json(&json!({"file_name": "a"})).send().await?.json().await?;
    fal.http.put(text(&begun, "upload_url")?).body("short-lived").send().await?;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(fal.http.get(text(&begun, "file_url")?).send().await?.status(), 404, "its time is over");
    let first = fal.upload("1", vec![b'1'; 10]).await?;
    let second = fal.upload("2", vec![b'2'; 10]).await?;
    let third = fal.upload("3", vec![b'3'; 10]).await?;
    assert_eq!(fal.http.get(&first).send().await?.status(), 404, "the oldest made room");
    for kept in [second, third] {
        assert_eq!(fal.http.get(&kept).send().await?.status(), 200);
    }
    let (put, _) = begin(&fal, "/rest/storage/upload/initiate", "big").await?;
    assert_eq!(fal.http.put(&put).body(vec![0; 21]).send().await?.status(), 413);
    Ok(())
}

#[tokio::test]
async fn a_cdn_token_lets_upload_and_nothing_else_does() -> Result<()> {
    let fal = Fal::start().await?;
    let call = fal.call(Method::POST, "/rest/storage/auth/token?storage_type=fal-cdn-v3").json(&json!({}));
    let token: Value = call.send().await?.json().await?;
    assert!(text(&token, "expires_at")?.ends_with("+00:00"), "the clients need a time zone");
    let upload = format!("{}/files/upload", text(&token, "base_url")?);
    let authorization = format!("Bearer {}", text(&token, "token")?);
    let call = fal.http.post(&upload).header("x-fal-file-name", "sim-ok.png").header("content-type", "image/png");
    let stored: Value = call.header("authorization", &authorization).body("png").send().await?.json().await?;
    assert!(text(&stored, "access_url")?.ends_with("_sim-ok.png"));
    let call = fal.http.post(&upload).header("authorization", "Bearer wrong").body("png");
    assert_eq!(call.send().await?.status(), 401);
    assert_eq!(fal.http.post(&upload).body("png").send().await?.status(), 401);
    Ok(())
}

#[tokio::test]
async fn a_given_folder_keeps_what_is_not_ours() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("notes.txt"), "mine")?;
    let config = Config { data_dir: Some(folder.path().to_owned()), ..quick()? };
    let fal = Fal::with(config.clone()).await?;
    let url = fal.upload("a.jpg", b"abc".to_vec()).await?;
    assert_eq!(fal.http.get(&url).send().await?.text().await?, "abc");
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 2);
    fal.sim.shutdown().await;
    let _second = Fal::with(config).await?;
    let left: Vec<_> = std::fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    assert_eq!(left, ["notes.txt"], "files without a URL do not pile up");
    Ok(())
}
