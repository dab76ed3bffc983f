//! Brings the models home: each appears under its photograph's name once it is complete, and replaces nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use futures::StreamExt;
use image2model_domain::file_name::{sanitize, split_extension};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use super::api::{Job, JobApi, accepted};
use super::display::{Display, FileDisplay};
use super::follow::{files, text};

/// Names tried beside one that is taken.
const NAMES: u32 = 10_000;
const TRIES: u32 = 3;

/// Makes sure that there is a folder for the models.
pub async fn prepare(out: &Path) -> anyhow::Result<()> {
    let made = tokio::fs::create_dir_all(out).await;
    made.map_err(|error| anyhow::anyhow!("cannot use the folder {}: {error}", out.display()))
}

/// Downloads what was made, tells what was not, and answers how many models there are.
pub async fn all(api: &JobApi, job: &Job, status: &Value, out: &Path, names: &[&str], display: &Display) -> usize {
    let mut done = 0;
    for (index, (id, name)) in job.files.iter().zip(names).enumerate() {
        let Some(shown) = display.file(index) else { continue };
        let said = match files(status).find(|file| text(file, "file_id") == id) {
            Some(file) if text(file, "status") == "completed" => fetch(api, job, file, out, name, shown).await,
            Some(file) => Err(anyhow::anyhow!("{}", why(file))),
            None => Err(anyhow::anyhow!("the server knows nothing about it any more")),
        };
        match said {
            Ok(path) => {
                done += 1;
                shown.ended(&format!("saved as {}", path.display()));
            }
            Err(error) => shown.ended(&format!("failed: {error:#}")),
        }
    }
    done
}

/// Why there is no model of a file.
pub fn why(file: &Value) -> String {
    let message = file.pointer("/error/message").and_then(Value::as_str);
    message.unwrap_or_else(|| text(file, "status")).to_owned()
}

async fn fetch(
    api: &JobApi,
    job: &Job,
    file: &Value,
    out: &Path,
    name: &str,
    shown: &FileDisplay,
) -> anyhow::Result<PathBuf> {
    let mut tried = 1;
    loop {
        match fetch_once(api, job, file, out, name, shown).await {
            Err(_) if tried < TRIES => tried += 1,
            ended => return ended,
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn fetch_once(
    api: &JobApi,
    job: &Job,
    file: &Value,
    out: &Path,
    name: &str,
    shown: &FileDisplay,
) -> anyhow::Result<PathBuf> {
    let request = api.get(text(file, "download_url"), &[("stream", "1")], job);
    let response = accepted(request.send().await.context("the model cannot be downloaded")?).await?;
    let (total, extension) = (response.content_length(), extension(&response));
    // The usual permissions, not a temporary file's.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let part = tempfile::Builder::new().prefix(".image2model-").permissions(permissions).tempfile_in(out)?;
    let mut writer = tokio::fs::File::from_std(part.reopen()?);
    let (mut chunks, mut got) = (response.bytes_stream(), 0_u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.context("the download broke off")?;
        writer.write_all(&chunk).await?;
        got += chunk.len() as u64;
        shown.progress(total.map_or(0, |total| got.saturating_mul(100) / total.max(1)), "downloading");
    }
    writer.flush().await?;
    anyhow::ensure!(total.is_none_or(|total| total == got), "the download broke off");
    keep(part, out, name, &extension)
}

/// From the name that the server gives it.
fn extension(response: &reqwest::Response) -> String {
    let disposition = response.headers().get("content-disposition").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let name = disposition.split(';').find_map(|part| part.trim().strip_prefix("filename=")).unwrap_or_default();
    let extension = name.trim_matches('"').rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let plain = |e: &String| (1..=5).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_alphanumeric());
    extension.filter(plain).unwrap_or_else(|| "glb".to_owned())
}

/// Gives it the first free name after its photograph's: `chair.glb`, `chair-2.glb`, …
fn keep(mut part: NamedTempFile, out: &Path, photograph: &str, extension: &str) -> anyhow::Result<PathBuf> {
    // A server may send any name: none leads out of the folder.
    let photograph = sanitize(photograph);
    let stem = split_extension(&photograph).0;
    for number in 1..=NAMES {
        let name = if number == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{number}.{extension}") };
        let path = out.join(name);
        match part.persist_noclobber(&path) {
            Ok(_) => return Ok(path),
            Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => part = taken.file,
            Err(failed) => return Err(failed.error).with_context(|| format!("cannot write {}", path.display())),
        }
    }
    anyhow::bail!("every name like {stem}.{extension} is taken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced() {
        let out = tempfile::tempdir().unwrap();
        std::fs::write(out.path().join("chair.glb"), "mine").unwrap();
        let part = NamedTempFile::new_in(out.path()).unwrap();
        let path = keep(part, out.path(), "chair.jpg", "glb").unwrap();
        assert_eq!(path, out.path().join("chair-2.glb"));
        assert_eq!(std::fs::read_to_string(out.path().join("chair.glb")).unwrap(), "mine");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let out = outside.path().join("a/b");
        std::fs::create_dir_all(&out).unwrap();
        let absolute = outside.path().join("x.jpg").display().to_string();
        for (name, kept) in [
            ("../../x.jpg", "x.glb"),
            (absolute.as_str(), "x-2.glb"),
            ("..\\..\\y.jpg", "y.glb"),
            ("../..", "image.glb"),
            ("", "image-2.glb"),
        ] {
            let part = NamedTempFile::new_in(&out).unwrap();
            assert_eq!(keep(part, &out, name, "glb").unwrap(), out.join(kept), "{name:?}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1, "nothing lies outside");
    }
}
