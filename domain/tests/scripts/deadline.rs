//! From when a file's deadline runs: from when it was taken up last to be tried, not from before it waited.

use crate::scene::Scene;

#[test]
fn a_retry_by_itself_has_a_deadline_of_its_own() {
    let mut scene = Scene::start();
    let (job, held) = scene.running(1);
    assert_eq!(scene.job(&job).files[0].first_claimed_at, Some(scene.now));
    scene.now += 1000;
    scene.fail_with(&held[0], Some(5000));
    assert_eq!(scene.job(&job).files[0].first_claimed_at, None);
    // It comes to the back of the line, and nobody has a hand free for it.
    scene.now += 3_600_000;
    assert_eq!(scene.claim().len(), 1);
    assert_eq!(scene.job(&job).files[0].first_claimed_at, Some(scene.now));
}
