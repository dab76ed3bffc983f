//! Submits in doubt that FAL's history does not know: the policy decides, and owns up to what it may have paid for twice.

use image2model_tests::Crew;
use image2model_tests::proof::{Proof, prove};
use serde_json::json;

use crate::scale::{dice, patience};

/// Two of six submits are accepted without an answer, and never appear in the history.
async fn blind(policy: &str) -> Proof {
    let (seed, _) = dice();
    let setup = |setup: image2model_tests::product::Setup| setup.with("UNCERTAIN_SUBMITS", policy);
    let mut crew = Crew::start(setup).await.unwrap();
    crew.sim.change(&json!({ "history_lag_ms": 86_400_000 })).await.unwrap();
    crew.sim.arm(&json!({ "call": "submit", "fault": "drop", "when": "after", "times": 2 })).await.unwrap();
    crew.staff(1).unwrap();
    crew.upload(6).await.unwrap();
    prove(&mut crew, seed, patience()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a worker looks for two minutes; cargo xtask test --long"]
async fn the_cautious_policy_pays_nothing_twice() {
    let proof = blind("fail").await;
    assert_eq!((proof.count("completed"), proof.count("failed SUBMIT_UNCERTAIN")), (4, 2), "{proof:?}");
    assert_eq!(proof.duplicates, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a worker looks for two minutes; cargo xtask test --long"]
async fn the_bold_policy_pays_twice_at_most_and_says_so() {
    let proof = blind("resubmit-once").await;
    proof.files.keys().for_each(|how| assert_eq!(how, "completed", "{proof:?}"));
    assert_eq!(proof.duplicates, 2, "the proof holds that all of them are counted");
}
