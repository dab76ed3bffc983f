//! A cancellation that races with the end of the work, at every delay: one of them wins, once.

use std::time::Duration;

use image2model_tests::Crew;
use image2model_tests::proof::prove;
use reqwest::Method;

use crate::scale::{dice, patience, scaled};

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_races_with_completion_and_one_of_them_wins() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    let (pairs, longest) = (scaled(60, 400), 4_000);
    let mut racing = tokio::task::JoinSet::new();
    for pair in 0..pairs {
        let (client, job) = (crew.client().unwrap(), crew.upload(1).await.unwrap().id.clone());
        let delay = Duration::from_millis(u64::try_from(longest * pair / pairs).unwrap());
        racing.spawn(async move {
            tokio::time::sleep(delay).await;
            client.request(Method::DELETE, &format!("/api/v1/jobs/{job}")).send().await.unwrap().status()
        });
    }
    while let Some(answer) = racing.join_next().await {
        let answer = answer.unwrap();
        assert!(matches!(answer.as_u16(), 202 | 409), "{answer}");
    }
    let proof = prove(&mut crew, seed, patience()).await.unwrap();
    assert_eq!(proof.duplicates, 0, "{proof:?}");
    assert_eq!(proof.count("cancelled") + proof.count("completed"), pairs, "{proof:?}");
    assert!(proof.count("cancelled") > 0 && proof.count("completed") > 0, "it was no race: {proof:?}");
}
