//! Redis' clock is set back: nothing lasts longer by it than it was to.

use image2model_domain::commands::{BreakerKind, Claim, Claimed, Heartbeat, StepOutcome, TripBreaker};

use crate::scene::Scene;

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;

fn claim(scene: &mut Scene, lease_ms: u32) -> Claimed {
    scene.run(&Claim {
        worker: "w".to_owned(),
        lease_ms,
        max_running: 1000,
        max_running_per_tenant: 1000,
        window_size: 1000,
        window_ms: 1000,
        wanted: 100,
    })
}

#[test]
fn a_pause_is_no_longer_than_it_was_to_be() {
    let mut scene = Scene::start();
    scene.create(&["a.png"]);
    let kind = BreakerKind::Outage;
    scene.run(&TripBreaker { kind, pause_ms: 30_000, longest_ms: 60_000, by_submit: false });
    scene.now -= HOUR;
    assert_eq!(claim(&mut scene, 15_000).breaker, Some((kind, 30_000)));
    scene.now += 29 * SECOND;
    let held_back = claim(&mut scene, 15_000);
    assert_eq!((held_back.breaker, held_back.files.len()), (Some((kind, 1000)), 0));
    scene.now += SECOND;
    assert_eq!(claim(&mut scene, 15_000).files.len(), 1, "one is let through to try");
}

#[test]
fn a_lease_is_no_longer_than_it_was_to_be() {
    let mut scene = Scene::start();
    scene.create(&["a.png"]);
    assert_eq!(claim(&mut scene, 15_000).files.len(), 1);
    scene.now -= HOUR;
    let none = claim(&mut scene, 15_000);
    assert_eq!((none.files.len(), none.wait_ms), (0, 15_000));
    scene.now += 14 * SECOND;
    assert_eq!(claim(&mut scene, 15_000).files.len(), 0);
    scene.now += SECOND;
    assert_eq!(claim(&mut scene, 15_000).files.len(), 1);
}

#[test]
fn a_lease_is_no_shorter_for_another_worker_s_being_so() {
    let mut scene = Scene::start();
    scene.create(&["a.png"]);
    let holding = claim(&mut scene, 30_000).files.remove(0).holding;
    scene.now += 20 * SECOND;
    assert_eq!(scene.run(&Heartbeat { holding: &holding, lease_ms: 60_000 }), StepOutcome::Done);
    assert_eq!(claim(&mut scene, 5000).files.len(), 0);
    scene.now += 59 * SECOND;
    assert_eq!(claim(&mut scene, 5000).files.len(), 0);
    scene.now += SECOND;
    assert_eq!(claim(&mut scene, 5000).files.len(), 1);
}

#[test]
fn a_retry_comes_no_later_than_it_was_to() {
    let mut scene = Scene::start();
    let (_, held) = scene.running(40);
    for holding in &held {
        scene.fail_with(holding, Some(90_000));
    }
    scene.now -= HOUR;
    // A few are looked at each time.
    for _ in 0..3 {
        assert!(scene.claim().is_empty());
    }
    scene.now += 89 * SECOND;
    assert!(scene.claim().is_empty());
    scene.now += SECOND;
    assert_eq!(scene.claim().len(), 40);
}
