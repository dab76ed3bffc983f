//! A job that is to be erased and has not ended yet: its owner is done with it already.

use image2model_domain::commands::{CreateOutcome, EraseJob, EraseOutcome, Recall};

use crate::scene::Scene;

#[test]
fn the_same_upload_makes_a_new_job() {
    let mut scene = Scene::start();
    let mut upload = scene.upload(&["a.png"]);
    upload.idempotency = Some(("k".to_owned(), "d".to_owned()));
    let former = upload.job.clone();
    scene.run(&upload);
    let held = scene.claim();
    assert_eq!(scene.run(&EraseJob(&former)), EraseOutcome::Ending { cancelled: 0, running: 1 });
    assert_eq!(scene.run(&Recall { tenant: "t", key: "k" }), None);

    upload.job = scene.upload(&[]).job;
    upload.files = scene.upload(&["a.png"]).files;
    let made = scene.run(&upload);
    assert_eq!((made.outcome, &made.job), (CreateOutcome::Created, &upload.job));
    // Said again, and at its end, the former job has no say in what is now the key of another.
    scene.run(&EraseJob(&former));
    scene.stop(&held[0]);
    scene.run(&EraseJob(&former));
    let mut again = upload.clone();
    again.job = scene.upload(&[]).job;
    let answer = scene.run(&again);
    assert_eq!((answer.outcome, &answer.job), (CreateOutcome::Replayed, &upload.job));
    let key = format!("{}idempotency:t:k", scene.redis.keys().prefix());
    assert_eq!(scene.redis.query::<i64>(&["TTL", &key]), -1, "it is kept with the new job");
}
