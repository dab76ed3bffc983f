//! What is told of files that have ended.

use image2model_domain::commands::CancelJob;
use image2model_domain::view;
use serde_json::Value;

use crate::scene::Scene;

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
