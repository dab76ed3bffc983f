//! What is told of files that have ended.

use image2model_domain::commands::CancelJob;
use image2model_domain::{event, view};
use serde_json::{Value, json};

use crate::scene::Scene;

/// A retry takes up what failed, and the image of a cancelled file is gone, whatever its last attempt came to.
#[test]
fn what_was_cancelled_is_not_worth_another_try() {
    let mut scene = Scene::start();
    let (job, held) = scene.running(3);
    scene.fail_with(&held[0], Some(60_000));
    scene.complete(&held[2]);
    scene.run(&CancelJob(&job));
    scene.stop(&held[1]);
    let record = scene.job(&job);
    let cancelled = [&held[0].file, &held[1].file];
    for file in cancelled.map(|file| record.file(file).unwrap()) {
        assert_eq!(view::file(&record, file)["error"], Value::Null);
        let events = scene.events(&job);
        let live = events.iter().rfind(|event| event["file_id"] == file.id.as_str()).unwrap();
        for told in [live, &event::file_event(&record, file)] {
            assert_eq!((&told["error_code"], &told["retryable"]), (&json!("CANCELLED"), &json!(false)), "{told}");
        }
    }
}

#[test]
fn what_has_ended_waits_nowhere() {
    let mut scene = Scene::start();
    let (job, held) = scene.running(3);
    for (holding, ahead) in held.iter().zip([4, 5, 6]) {
        scene.progress(holding, 10, Some(ahead));
    }
    let place = |scene: &mut Scene| view::status(&scene.job(&job))["queue_position"].clone();
    assert_eq!(place(&mut scene), 4);
    scene.complete(&held[0]);
    assert_eq!(place(&mut scene), 5);
    scene.fail(&held[1]);
    assert_eq!(place(&mut scene), 6);
    scene.fail_with(&held[2], Some(1000));
    assert_eq!(place(&mut scene), Value::Null, "another attempt has another place");
    scene.now += 1000;
    let again = scene.claim();
    scene.progress(&again[0], 10, Some(7));
    assert_eq!(place(&mut scene), 7);
    scene.run(&CancelJob(&job));
    scene.stop(&again[0]);
    assert_eq!(place(&mut scene), Value::Null);
    let job = scene.job(&job);
    assert!(job.files.iter().all(|file| file.queue_position.is_none()), "{job:?}");
}
