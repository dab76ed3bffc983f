//! Another Redis takes over: what it may have forgotten is looked up, however often they change places.

use image2model_domain::commands::{Bind, BindOutcome, Holding, Intend, IntendAnswer, LookedUp};

use crate::scene::Scene;

const HOUR: i64 = 3_600_000;

fn intend(scene: &mut Scene, holding: &Holding, looked_up: Option<i64>) -> IntendAnswer {
    let looked_up = looked_up.map(|since| LookedUp { since, sure: true });
    let (image_url, window_size, window_ms) = ("https://fal/1.png", 1000, 1000);
    scene.run(&Intend { holding, image_url, endpoint: "e", lease_ms: 1000, window_size, window_ms, looked_up }).answer
}

fn doubt(scene: &mut Scene, holding: &Holding) -> i64 {
    match intend(scene, holding, None) {
        IntendAnswer::Doubt { since } => since,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_that_takes_over_again_has_forgotten_what_it_took_while_it_was_cut_off() {
    let mut scene = Scene::start();
    let (_, held) = scene.running(1);
    let holding = &held[0];
    scene.redis.snapshot();
    // Nobody hears of this any more.
    assert_eq!(intend(&mut scene, holding, None), IntendAnswer::Go);
    let bind = Bind { holding, request_id: "req-1", image_url: "https://fal/1.png", reconciled: false };
    assert_eq!(scene.run(&bind), BindOutcome::Done);
    scene.redis.fail_over(scene.now, "two");
    scene.now += 5000;
    assert!(scene.claim().is_empty(), "its lease lasts");
    // The first one has the second one's word by now.
    scene.redis.set_identity("one");
    scene.now += HOUR;
    let again = scene.claim();
    let since = doubt(&mut scene, &again[0]);
    assert_eq!(since, scene.now);
    assert_eq!(intend(&mut scene, &again[0], Some(since)), IntendAnswer::Go);
}

#[test]
fn a_claim_does_not_end_a_doubt() {
    let mut scene = Scene::start();
    let (_, held) = scene.running(1);
    scene.redis.set_identity("two");
    scene.now += 1000;
    let since = scene.now;
    for _ in 0..3 {
        scene.claim();
        scene.now += 1000;
    }
    assert_eq!(doubt(&mut scene, &held[0]), since);
    scene.claim();
    assert_eq!(doubt(&mut scene, &held[0]), since);
}

#[test]
fn a_doubt_is_a_new_one_whatever_the_clock_says() {
    let mut scene = Scene::start();
    let (_, held) = scene.running(1);
    scene.redis.set_identity("two");
    scene.now += HOUR / 2;
    scene.claim();
    let first = doubt(&mut scene, &held[0]);
    assert_eq!(intend(&mut scene, &held[0], Some(first)), IntendAnswer::Go);
    // Its clock is behind.
    scene.redis.set_identity("three");
    scene.now -= HOUR / 4;
    scene.claim();
    let second = doubt(&mut scene, &held[0]);
    assert!(second > first, "{first} {second}");
}
