//! A cancellation that races with the end of the work, at every delay: one of them wins, once.

use std::time::Instant;

use image2model_tests::Crew;
use image2model_tests::proof::prove;
use reqwest::Method;

use crate::scale::{dice, patience, scaled};

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_races_with_completion_and_one_of_them_wins() {
    let (seed, _) = dice();
    let mut crew = Crew::start(|setup| setup).await.unwrap();
    crew.staff(2).unwrap();
    let (waves, wave) = (scaled(5, 40), 12);
    // How long it takes here and now, so that the delays reach from before the beginning to after the end.
    let started = Instant::now();
    crew.upload(wave).await.unwrap();
    crew.until_unfinished(0, patience()).await.unwrap();
    let whole = started.elapsed();
    for number in 0..waves {
        let mut racing = tokio::task::JoinSet::new();
        for pair in 0..wave {
            let (client, job) = (crew.client().unwrap(), crew.upload(1).await.unwrap().id.clone());
            let share = (pair * waves + number) as f64 / (waves * wave) as f64;
            racing.spawn(async move {
                tokio::time::sleep(whole.mul_f64(share * 1.3)).await;
                client.request(Method::DELETE, &format!("/api/v1/jobs/{job}")).send().await.unwrap().status()
            });
        }
        while let Some(answer) = racing.join_next().await {
            let answer = answer.unwrap();
            assert!(matches!(answer.as_u16(), 202 | 409), "{answer}");
        }
        crew.until_unfinished(0, patience()).await.unwrap();
    }
    let proof = prove(&mut crew, seed, patience()).await.unwrap();
    assert_eq!(proof.duplicates, 0, "{proof:?}");
    assert_eq!(proof.count("cancelled") + proof.count("completed"), crew.images(), "{proof:?}");
    assert!(proof.count("cancelled") > 0 && proof.count("completed") > wave, "it was no race: {proof:?}");
}
