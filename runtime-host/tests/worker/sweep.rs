//! Blobs that no job knows go when they are old; what belongs to a job, is young, or is not ours stays. One host sweeps.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use image2model_domain::JobId;
use image2model_domain::commands::{DeleteJob, DeleteOutcome, PauseQueue};
use image2model_domain::queue::Queue;
use image2model_host::blobs::{Blobs, SweepSettings, sweep_orphans};
use redis::cmd;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::Parts;

const HOUR: Duration = Duration::from_secs(3600);

struct Place {
    parts: Parts,
    folder: tempfile::TempDir,
    blobs: Blobs,
    stop: CancellationToken,
}

impl Place {
    async fn start() -> Result<Self> {
        let (parts, folder) = (Parts::start().await?, tempfile::tempdir()?);
        let blobs = Blobs::local(&folder.path().join("uploads"), &folder.path().join("results"))?;
        Ok(Self { parts, folder, blobs, stop: CancellationToken::new() })
    }

    /// A file last written so long ago.
    fn file(&self, path: &str, age: Duration) -> Result<PathBuf> {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        std::fs::write(&path, "12345")?;
        std::fs::File::options().write(true).open(&path)?.set_modified(SystemTime::now() - age)?;
        Ok(path)
    }

    fn sweep(&self, holder: &str, every: Duration) -> JoinHandle<()> {
        let settings = SweepSettings { every, orphan_age: HOUR, result_age: 24 * HOUR };
        let (store, blobs, stop) = (self.parts.store.clone(), self.blobs.clone(), self.stop.clone());
        tokio::spawn(sweep_orphans(store, blobs, settings, holder.to_owned(), stop))
    }

    async fn counted(&self, name: &str) -> Result<u64> {
        let key = self.parts.store.keys().counters();
        Ok(self.parts.store.query::<Option<u64>>(cmd("HGET").arg(key).arg(name)).await?.unwrap_or_default())
    }

    /// Waits until this many blobs have gone.
    async fn removed(&self, orphaned: u64, staged: u64) -> Result<()> {
        let started = tokio::time::Instant::now();
        loop {
            let now = (self.counted("blobs_removed:orphaned").await?, self.counted("blobs_removed:staged").await?);
            if now == (orphaned, staged) {
                return Ok(());
            }
            ensure!(started.elapsed() < Duration::from_secs(30), "{now:?} were removed");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn what_no_job_knows_goes_and_nothing_else() -> Result<()> {
    let place = Place::start().await?;
    let living = place.parts.upload(&["a.png"]).await?;
    let id = |n: u8| JobId::from_random([n; 16]);
    let old = 2 * HOUR;
    let goes = [
        format!("uploads/{}/a_original.png", id(1)),
        format!("uploads/{}/metadata.json", id(1)),
        // Cut off in the middle of a put.
        format!("uploads/{}/a_original.png#1", id(2)),
        format!("uploads/{living}/b_original.png#12"),
        format!("results/{}/a_model.glb", id(3)),
    ];
    let goes: Vec<PathBuf> = goes
        .iter()
        .zip([old, old, old, old, 25 * HOUR])
        .map(|(path, age)| place.file(path, age))
        .collect::<Result<_>>()?;
    let stays = [
        (format!("uploads/{living}/a_original.png"), old),
        // Still being uploaded: its first image is old, what is being stored is not.
        (format!("uploads/{}/a_original.png", id(4)), old),
        (format!("uploads/{}/b_original.png#1", id(4)), HOUR / 2),
        // A model is kept for as long as its job would have been.
        (format!("results/{}/a_model.glb", id(5)), old),
        // Not ours.
        ("uploads/notes/a.txt".to_owned(), old),
        ("uploads/readme#1".to_owned(), old),
    ];
    let stays: Vec<PathBuf> = stays.iter().map(|(path, age)| place.file(path, *age)).collect::<Result<_>>()?;
    std::fs::create_dir(place.folder.path().join("uploads").join(id(6).as_str()))?;

    let sweeps = [place.sweep("one", HOUR), place.sweep("two", HOUR)];
    place.removed(3, 2).await?;
    place.stop.cancel();
    for sweep in sweeps {
        sweep.await?;
    }
    for path in &goes {
        assert!(!path.exists(), "{}", path.display());
    }
    for path in &stays {
        assert!(path.exists(), "{}", path.display());
    }
    for job in [1, 2].map(id) {
        assert!(!place.folder.path().join("uploads").join(job.as_str()).exists(), "an emptied folder is left");
    }
    assert!(place.folder.path().join("uploads").join(id(6).as_str()).exists(), "an upload is about to begin there");
    assert_eq!(place.counted("blob_bytes_removed:orphaned").await?, 15);
    Ok(())
}

#[tokio::test]
async fn a_pause_holds_and_one_host_at_a_time_sweeps() -> Result<()> {
    let place = Place::start().await?;
    place.parts.store.run(&PauseQueue { queue: Queue::Maintenance, pause: true }).await?;
    let every = Duration::from_millis(50);
    let sweeps = [place.sweep("one", every), place.sweep("two", every)];
    let orphan = place.file(&format!("uploads/{}/a_original.png", JobId::from_random([1; 16])), 2 * HOUR)?;
    // Both have looked by now, and were told that it is paused.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let key = "queue:maintenance_leases";
    let began: bool = place.parts.store.query(cmd("HEXISTS").arg(key).arg("sweep")).await?;
    assert!(orphan.exists() && !began);

    // Somebody else is at it, who then falls silent.
    let store = &place.parts.store;
    let soon = now_ms() + 1000;
    store.query::<()>(cmd("HSET").arg(key).arg("sweep").arg(format!("{soon} three"))).await?;
    store.run(&PauseQueue { queue: Queue::Maintenance, pause: false }).await?;
    place.removed(1, 0).await?;
    assert!(now_ms() >= soon, "two swept at once");
    place.stop.cancel();
    for sweep in sweeps {
        sweep.await?;
    }
    assert!(!orphan.exists());
    Ok(())
}

#[tokio::test]
async fn blobs_of_another_redis_are_left_alone() -> Result<()> {
    let place = Place::start().await?;
    std::fs::write(place.folder.path().join("uploads/.jobs-of"), "another")?;
    let stays = place.file(&format!("uploads/{}/a_original.png", JobId::from_random([1; 16])), 2 * HOUR)?;
    let goes = place.file(&format!("results/{}/a_model.glb", JobId::from_random([2; 16])), 25 * HOUR)?;
    let sweep = place.sweep("one", HOUR);
    place.removed(1, 0).await?;
    place.stop.cancel();
    sweep.await?;
    assert!(stays.exists() && !goes.exists());
    let mark: String = place.parts.store.query(cmd("GET").arg(place.parts.store.keys().blobs_mark())).await?;
    assert_eq!(std::fs::read_to_string(place.folder.path().join("results/.jobs-of"))?, mark);
    Ok(())
}

#[tokio::test]
async fn what_comes_after_a_deletion_is_noted_before() -> Result<()> {
    let place = Place::start().await?;
    let job = place.parts.upload(&["a.png"]).await?;
    let store = &place.parts.store;
    assert_eq!(store.run(&DeleteJob { job: &job, force: true }).await?, DeleteOutcome::Deleted);
    let key = store.keys().blobs_to_remove();
    let noted: Vec<(String, i64)> = store.query(cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES")).await?;
    let noted: Vec<(&str, bool)> = noted.iter().map(|(note, at)| (note.as_str(), *at > now_ms())).collect();
    assert_eq!(noted, [(format!("job {job}").as_str(), true), (format!("expired {job}").as_str(), true)]);
    Ok(())
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
