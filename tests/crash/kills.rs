//! Workers killed: at every step of a file's way, and at any moment.

use std::time::Duration;

use image2model_tests::Crew;
use image2model_tests::proof::prove;
use rand::Rng;

use crate::scale::{dice, patience, scaled};

/// Every script and every call to FAL on the way of a file that gets its model, and how often it is passed before the end.
const STEPS: [(&str, u32); 13] = [
    ("claim", 2),
    ("read_job", 1),
    ("progress", 1),
    ("upload", 1),
    ("put", 1),
    ("intend", 1),
    ("submit", 1),
    ("bind", 1),
    ("heartbeat", 1),
    ("follow", 1),
    ("result", 1),
    ("file", 1),
    ("complete", 1),
];
/// A worker that does not come to its step in this time never will.
const REACHED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_every_file_is_paid_once() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    for round in 0..u32::try_from(scaled(1, 8)).unwrap() {
        for (step, times) in STEPS {
            crew.upload(4).await.unwrap();
            for (place, side) in ["before", "after"].into_iter().enumerate() {
                let point = format!("{side}:{step}:{}", times + round % 4);
                crew.work(place, &[("IMAGE2MODEL_DIE_AT", &point)]).unwrap();
            }
            for place in 0..2 {
                let ended = crew.worker(place).unwrap().wait(REACHED_WITHIN).unwrap();
                assert!(!ended.success(), "{step} was survived");
            }
        }
        // A file that lost eight workers in a row would be given up for the one that kills them.
        crew.staff(2).unwrap();
        crew.until_unfinished(0, patience()).await.unwrap();
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

/// What was announced, and what was accepted, before an operator chose another endpoint is found where it was sent.
#[tokio::test(flavor = "multi_thread")]
async fn killed_before_another_endpoint_is_chosen_every_file_is_paid_once() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(1).unwrap();
    crew.until_history_is_known(patience()).await.unwrap();
    crew.kill(0).unwrap();
    for step in ["after:submit:1", "after:bind:1"] {
        crew.upload(1).await.unwrap();
        crew.work(0, &[("IMAGE2MODEL_DIE_AT", step)]).unwrap();
        assert!(!crew.worker(0).unwrap().wait(REACHED_WITHIN).unwrap().success(), "{step} was survived");
        crew.work(0, &[("FAL_MODEL_ENDPOINT", "tripo3d/h3.1/image-to-3d")]).unwrap();
        crew.until_unfinished(0, patience()).await.unwrap();
        crew.kill(0).unwrap();
    }
    crew.staff(1).unwrap();
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_fails_or_cancels_every_file_ends_once() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    // The file beside the one that a worker dies of may be on its way to FAL just then: without a history nobody knows whether
    // it arrived, and that is another end than the two that are meant here.
    crew.staff(1).unwrap();
    crew.until_history_is_known(patience()).await.unwrap();
    crew.kill(0).unwrap();
    for side in ["before", "after"] {
        crew.upload_as(2, "sim-no-media").await.unwrap();
        crew.work(0, &[("IMAGE2MODEL_DIE_AT", &format!("{side}:fail:1"))]).unwrap();
        crew.worker(0).unwrap().wait(REACHED_WITHIN).unwrap();
        let job = crew.upload_as(2, "sim-slow").await.unwrap().id.clone();
        crew.work(0, &[("IMAGE2MODEL_DIE_AT", &format!("{side}:cancelled:1"))]).unwrap();
        let client = crew.client().unwrap();
        while client.json(&format!("/api/v1/status/{job}")).await.unwrap()["status"] == "pending" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let cancelled = client.request(reqwest::Method::DELETE, &format!("/api/v1/jobs/{job}")).send().await.unwrap();
        assert_eq!(cancelled.status(), 202);
        crew.worker(0).unwrap().wait(REACHED_WITHIN).unwrap();
    }
    crew.staff(2).unwrap();
    let proof = prove(&mut crew, seed, patience()).await.unwrap();
    // Cancelled, failed for one reason, and those that made the history.
    assert_eq!((proof.count("cancelled"), proof.files.len(), proof.duplicates), (4, 3, 0), "{proof:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_every_file_is_paid_once() {
    const WORKERS: usize = 3;
    let (seed, mut dice) = dice();
    let (kills, files) = (scaled(30, 300), scaled(150, 2_000));
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(WORKERS).unwrap();
    for kill in 0..kills {
        let due = files * (kill + 1) / kills;
        crew.upload_many(due.saturating_sub(crew.images())).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.random_range(50..1_500))).await;
        let place = dice.random_range(0..WORKERS);
        crew.kill(place).unwrap();
        crew.work(place, &[]).unwrap();
    }
    assert!(crew.images() >= files);
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}
