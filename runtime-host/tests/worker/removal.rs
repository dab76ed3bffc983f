//! Blobs that nothing needs any more go, and no others; those of a job that lives on wait.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::stream;
use image2model_domain::{FileId, JobId};
use image2model_host::blobs::{BlobKey, Blobs, remove_useless_blobs};
use redis::cmd;
use tokio_util::sync::CancellationToken;

use crate::support::Parts;

async fn put(blobs: &Blobs, key: &str) -> Result<()> {
    let content = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"x"))]);
    blobs.put(&BlobKey::parse(key)?, 100, content).await?;
    Ok(())
}

async fn is_there(blobs: &Blobs, key: &str) -> Result<bool> {
    Ok(blobs.head(&BlobKey::parse(key)?).await.is_ok())
}

#[tokio::test]
async fn what_is_noted_goes_once_it_may() -> Result<()> {
    let parts = Parts::start().await?;
    let folder = tempfile::tempdir()?;
    let blobs = Blobs::local(&folder.path().join("uploads"), &folder.path().join("results"))?;
    let living = parts.upload(&["a.png"]).await?;
    let (half, gone) = (JobId::from_random([2; 16]), JobId::from_random([3; 16]));
    let (one, two) = (FileId::from_random([4; 16]), FileId::from_random([5; 16]));
    let goes = [
        format!("uploads/{half}/{one}_original.png"),
        format!("results/{half}/{one}_model.glb"),
        format!("uploads/{gone}/{one}_original.png"),
        format!("results/{gone}/{two}_preview.webp"),
    ];
    let stays = [
        format!("uploads/{half}/{two}_original.png"),
        format!("results/{half}/{two}_model.glb"),
        format!("uploads/{living}/{one}_original.png"),
    ];
    for key in goes.iter().chain(&stays) {
        put(&blobs, key).await?;
    }
    let key = parts.store.keys().blobs_to_remove();
    let notes =
        [format!("file {half}/{one}"), format!("expired {gone}"), format!("expired {living}"), "nonsense".to_owned()];
    for note in &notes {
        parts.store.query::<()>(cmd("ZADD").arg(&key).arg(1).arg(note)).await?;
    }
    let stop = CancellationToken::new();
    let task = tokio::spawn(remove_useless_blobs(parts.store.clone(), blobs.clone(), stop.clone()));
    let started = tokio::time::Instant::now();
    loop {
        let due: u64 = parts.store.query(cmd("ZCOUNT").arg(&key).arg("-inf").arg(1)).await?;
        if due == 0 {
            break;
        }
        ensure!(started.elapsed() < Duration::from_secs(30), "{due} notes are left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    task.await?;
    for key in &goes {
        assert!(!is_there(&blobs, key).await?, "{key}");
    }
    for key in &stays {
        assert!(is_there(&blobs, key).await?, "{key}");
    }
    let left: Vec<String> = parts.store.query(cmd("ZRANGE").arg(&key).arg(0).arg(-1)).await?;
    assert_eq!(left, [format!("expired {living}")], "looked at again later");
    Ok(())
}
