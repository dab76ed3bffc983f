//! Workers that hang past their lease and wake up: somebody else has their files by then, and they can do no harm.

use std::time::Duration;

use image2model_tests::Crew;
use image2model_tests::crew::LEASE;
use image2model_tests::proof::prove;
use rand::Rng;

use crate::scale::{dice, patience, scaled};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hung_past_its_lease_does_no_harm() {
    let (seed, mut dice) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(3).unwrap();
    for round in 0..scaled(6, 60) {
        crew.upload(8).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..1_500))).await;
        let place = round % 3;
        crew.worker(place).unwrap().signal("STOP").unwrap();
        tokio::time::sleep(LEASE + Duration::from_millis(dice.random_range(100..2_500))).await;
        crew.worker(place).unwrap().signal("CONT").unwrap();
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}
