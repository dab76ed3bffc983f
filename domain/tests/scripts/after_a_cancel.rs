//! A job that was cancelled has ended like any other, unless nothing of it is left: what failed or was made is made again.

use image2model_domain::commands::{
    CancelJob, CancelOutcome, EraseJob, EraseOutcome, GenerateOutcome, Heartbeat, Holding, Restart, RetryOutcome,
    StepOutcome,
};
use image2model_domain::{FileId, JobId, JobStatus};

use crate::scene::Scene;

/// Cancelled mid way: one file has its model, one had failed, one was stopped, in this order.
fn cancelled(scene: &mut Scene) -> (JobId, Vec<Holding>) {
    let (job, held) = cancelling(scene);
    assert_eq!(scene.retry(&job), RetryOutcome::JobEnding);
    scene.stop(&held[2]);
    assert_eq!(scene.job(&job).status, JobStatus::PartiallyCompleted);
    (job, held)
}

/// The same while the third is still being stopped.
fn cancelling(scene: &mut Scene) -> (JobId, Vec<Holding>) {
    let (job, held) = scene.running(3);
    scene.complete(&held[0]);
    scene.fail(&held[1]);
    assert_eq!(scene.run(&CancelJob(&job)), CancelOutcome::Accepted { cancelled: 0, running: 1 });
    (job, held)
}

fn beat(scene: &mut Scene, holding: &Holding) -> StepOutcome {
    scene.run(&Heartbeat { holding, lease_ms: 1000 })
}

#[test]
fn what_failed_is_retried_and_nobody_stops_it() {
    let mut scene = Scene::start();
    let (job, held) = cancelled(&mut scene);
    let failed = held[1].file.clone();
    assert_eq!(scene.retry(&job), RetryOutcome::Queued(vec![(failed.clone(), Restart::Requeued)]));
    assert!(!scene.job(&job).cancel_requested);
    let again = scene.claim();
    assert_eq!(again.iter().map(|holding| &holding.file).collect::<Vec<_>>(), [&failed]);
    assert_eq!(beat(&mut scene, &again[0]), StepOutcome::Done, "the former cancel is not of this run");
    // Whoever worked at the job before is as late as after any other end.
    assert_eq!(beat(&mut scene, &held[2]), StepOutcome::Gone);
    assert_eq!(beat(&mut scene, &held[1]), StepOutcome::LeaseLost);
    scene.stop(&held[1]);
    scene.complete(&again[0]);
    let ended = scene.job(&job);
    assert_eq!((ended.status, ended.completed, ended.cancelled), (JobStatus::PartiallyCompleted, 2, 1));
    assert!(!scene.noted_for_removal().contains(&format!("job {job}")), "its images stay");
}

#[test]
fn what_was_made_is_made_again_and_can_be_cancelled_again() {
    let mut scene = Scene::start();
    let (job, held) = cancelled(&mut scene);
    let GenerateOutcome::Queued(copy) = scene.generate(&job, &held[0].file) else { panic!("refused") };
    let again = scene.claim();
    assert_eq!((&again[0].file, beat(&mut scene, &again[0])), (&copy.file, StepOutcome::Done));
    assert!(matches!(scene.generate(&job, &held[1].file), GenerateOutcome::Queued(_)), "beside one that runs");
    assert_eq!(scene.run(&CancelJob(&job)), CancelOutcome::Accepted { cancelled: 1, running: 1 });
    assert_eq!(beat(&mut scene, &again[0]), StepOutcome::CancelRequested);
    scene.stop(&again[0]);
    let ended = scene.job(&job);
    assert_eq!((ended.status, ended.completed, ended.cancelled), (JobStatus::PartiallyCompleted, 1, 3));
}

#[test]
fn what_is_refused_is_refused_for_what_is_true() {
    let mut scene = Scene::start();
    let (job, held) = cancelling(&mut scene);
    let files: Vec<FileId> = held.iter().map(|holding| holding.file.clone()).collect();
    // Not before it has ended: files of it are still being stopped.
    assert_eq!(scene.retry(&job), RetryOutcome::JobEnding);
    for file in &files {
        assert_eq!(scene.generate(&job, file), GenerateOutcome::JobEnding);
    }
    scene.stop(&held[2]);
    assert_eq!(scene.generate(&job, &files[2]), GenerateOutcome::FileCancelled);

    // As a whole: its images go, those of what failed too.
    let (whole, held) = scene.running(2);
    scene.fail(&held[0]);
    scene.run(&CancelJob(&whole));
    scene.stop(&held[1]);
    assert_eq!(scene.job(&whole).status, JobStatus::Cancelled);
    assert_eq!(scene.retry(&whole), RetryOutcome::JobCancelled);
    for holding in &held {
        assert_eq!(scene.generate(&whole, &holding.file), GenerateOutcome::Cancelled);
    }
}

#[test]
fn what_is_erased_does_not_come_back() {
    let mut scene = Scene::start();
    let (job, held) = scene.running(3);
    scene.complete(&held[0]);
    scene.fail(&held[1]);
    assert_eq!(scene.run(&EraseJob(&job)), EraseOutcome::Ending { cancelled: 0, running: 1 });
    for ended in [false, true] {
        if ended {
            scene.stop(&held[2]);
        }
        assert_eq!(scene.retry(&job), RetryOutcome::JobCancelled);
        assert_eq!(scene.generate(&job, &held[0].file), GenerateOutcome::Cancelled);
    }
    assert!(scene.noted_for_removal().contains(&format!("job {job}")));
}
