//! When a job is likely to end: by the pace of what is under way, whatever stood still before.

use image2model_domain::commands::{GenerateOutcome, RetryOutcome};
use image2model_domain::{JobId, view};
use serde_json::{Value, json};

use crate::scene::Scene;

const SECOND: i64 = 1000;

fn eta(scene: &mut Scene, job: &JobId) -> Value {
    view::status(&scene.job(job))["eta_seconds"].clone()
}

/// Made within ten seconds but for one that failed; then nobody cares for an hour.
fn an_hour_ago(scene: &mut Scene) -> JobId {
    let (job, held) = scene.running(4);
    scene.now += 10 * SECOND;
    for done in &held[..3] {
        scene.complete(done);
    }
    scene.fail(&held[3]);
    assert_eq!(eta(scene, &job), 0);
    scene.now += 3600 * SECOND;
    job
}

/// Taken up after a while, and half done ten seconds later.
fn half_done(scene: &mut Scene, job: &JobId) -> Value {
    assert_eq!(eta(scene, job), Value::Null);
    scene.now += 20 * SECOND;
    let again = scene.claim();
    assert_eq!(eta(scene, job), Value::Null);
    scene.now += 10 * SECOND;
    scene.progress(&again[0], 50, None);
    eta(scene, job)
}

#[test]
fn a_retry_has_a_pace_of_its_own() {
    let mut scene = Scene::start();
    let job = an_hour_ago(&mut scene);
    assert!(matches!(scene.retry(&job), RetryOutcome::Queued(_)));
    assert_eq!(half_done(&mut scene, &job), 10);
}

#[test]
fn a_model_made_beside_another_has_a_pace_of_its_own() {
    let mut scene = Scene::start();
    let job = an_hour_ago(&mut scene);
    let file = scene.job(&job).files[0].id.clone();
    assert!(matches!(scene.generate(&job, &file), GenerateOutcome::Queued(_)));
    assert_eq!(half_done(&mut scene, &job), 10);
}

#[test]
fn a_retry_beside_others_goes_on_at_their_pace() {
    let mut scene = Scene::start();
    let (job, held) = scene.running(2);
    scene.now += 10 * SECOND;
    scene.fail(&held[0]);
    scene.progress(&held[1], 50, None);
    scene.retry(&job);
    // A quarter of it is done in ten seconds.
    assert_eq!(eta(&mut scene, &job), 30);
    let again = scene.claim();
    scene.now += 10 * SECOND;
    scene.progress(&again[0], 50, None);
    assert_eq!(eta(&mut scene, &job), 20);
}

#[test]
fn stored_files_have_the_pace_of_those_that_are_asked_for() {
    let mut scene = Scene::start();
    let mut upload = scene.upload(&["a.png", "b.png"]);
    upload.process = false;
    scene.run(&upload);
    let (job, files) = (upload.job, upload.files);
    scene.generate(&job, &files[0].id);
    let held = scene.claim();
    scene.now += 10 * SECOND;
    scene.complete(&held[0]);
    scene.now += 3600 * SECOND;
    assert_eq!(eta(&mut scene, &job), Value::Null, "nothing is under way");
    scene.generate(&job, &files[1].id);
    assert_eq!(half_done(&mut scene, &job), json!(10));
}
