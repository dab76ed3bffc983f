//! Workers whose clocks are hours apart: times that matter are those of Redis.

use std::time::Duration;

use image2model_tests::Crew;
use image2model_tests::proof::prove;
use rand::Rng;
use serde_json::json;

use crate::scale::{dice, patience, scaled};

const TWO_HOURS_MS: &str = "7200000";

#[tokio::test(flavor = "multi_thread")]
async fn skewed_clocks_change_nothing() {
    let (seed, mut dice) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    let clocks = [TWO_HOURS_MS.to_owned(), format!("-{TWO_HOURS_MS}")];
    for (place, clock) in clocks.iter().enumerate() {
        crew.work(place, &[("IMAGE2MODEL_CLOCK_OFFSET_MS", clock)]).unwrap();
    }
    // Lost answers make them look submits up by time; kills hand files from one clock to the other.
    let lost = json!({ "call": "submit", "fault": "drop", "when": "after", "probability": 0.3, "seed": seed });
    crew.sim.arm(&lost).await.unwrap();
    for round in 0..scaled(6, 60) {
        crew.upload(6).await.unwrap();
        tokio::time::sleep(Duration::from_millis(dice.random_range(500..2_500))).await;
        let place = round % 2;
        crew.kill(place).unwrap();
        crew.work(place, &[("IMAGE2MODEL_CLOCK_OFFSET_MS", &clocks[place])]).unwrap();
    }
    prove(&mut crew, seed, patience()).await.unwrap().all_completed().unwrap();
}
