//! A worker that takes files through the queue's steps and does nothing between them. Claims as the product's worker does:
//! when there is room, for as many as there is room for, 16 at most.

use image2model_domain::FileStatus;
use image2model_domain::commands::{
    Bind, BindOutcome, Claim, ClaimedFile, Complete, Intend, IntendAnswer, Progress, StepOutcome,
};
use image2model_host::redis::Store;
use tokio::task::{JoinError, JoinSet};

const CLAIM_AT_ONCE: usize = 16;
const LEASE_MS: u32 = 60_000;
const WINDOW_MS: u32 = 60_000;
/// A number that no limit of this measurement is reached with.
pub const NO_LIMIT: u32 = 1_000_000_000;

/// The five states between the request and the end.
const STEPS: [(FileStatus, u8, &str); 5] = [
    (FileStatus::QueuedAtProvider, 15, "Waiting at the model provider"),
    (FileStatus::Processing, 20, "The model is being made"),
    (FileStatus::Processing, 40, "The model is being made"),
    (FileStatus::Processing, 60, "The model is being made"),
    (FileStatus::Processing, 85, "Fetching the model"),
];

/// A claim that only the files in line bound.
pub fn claim(wanted: usize) -> Claim {
    Claim {
        worker: "bench".to_owned(),
        lease_ms: LEASE_MS,
        max_running: NO_LIMIT,
        max_running_per_tenant: NO_LIMIT,
        window_size: NO_LIMIT,
        window_ms: WINDOW_MS,
        wanted: u32::try_from(wanted).unwrap_or(NO_LIMIT),
    }
}

/// Takes so many waiting files to their ends; prints `warm` after the first of them and `done` after the last.
pub async fn work(redis_url: &str, files: usize, warm: usize, at_once: usize) -> anyhow::Result<()> {
    let store = Store::open(redis_url)?;
    let mut tasks = JoinSet::new();
    let mut done = 0;
    while done < files {
        let room = at_once - tasks.len();
        if room > 0 {
            let claimed = store.run(&claim(room.min(CLAIM_AT_ONCE))).await?;
            let full = claimed.files.len() == CLAIM_AT_ONCE;
            for file in claimed.files {
                tasks.spawn(lifecycle(store.clone(), file));
            }
            if full {
                continue;
            }
        }
        let mut ended = tasks.join_next().await;
        while let Some(outcome) = ended {
            settle(outcome)?;
            done += 1;
            if done == warm {
                println!("warm");
            }
            ended = tasks.try_join_next();
        }
    }
    println!("done");
    // Whoever started us looks at what we used, and then ends us.
    std::future::pending().await
}

fn settle(outcome: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    outcome?
}

/// Intent, request id, five steps, end: what a file goes through after its claim.
async fn lifecycle(store: Store, file: ClaimedFile) -> anyhow::Result<()> {
    let holding = &file.holding;
    let image_url = &format!("https://example.com/{}.jpg", holding.file);
    let intend = Intend {
        holding,
        image_url,
        endpoint: "e",
        lease_ms: LEASE_MS,
        window_size: NO_LIMIT,
        window_ms: WINDOW_MS,
        looked_up: None,
    };
    let intended = store.run(&intend).await?.answer;
    anyhow::ensure!(intended == IntendAnswer::Go, "a submit may not be sent: {intended:?}");
    let bind = Bind { holding, request_id: holding.file.as_str(), image_url, reconciled: false };
    let bound = store.run(&bind).await?;
    anyhow::ensure!(bound == BindOutcome::Done, "a request was not recorded: {bound:?}");
    for (status, percent, message) in STEPS {
        let step = Progress { holding, lease_ms: LEASE_MS, status, percent, message, queue_position: None };
        let outcome = store.run(&step).await?;
        anyhow::ensure!(outcome == StepOutcome::Done, "a step was not recorded: {outcome:?}");
    }
    let fields = vec![
        ("model_url", format!("https://example.com/{}.glb", holding.file)),
        ("model_name", "vase.glb".to_owned()),
        ("model_size", "1234567".to_owned()),
    ];
    let outcome = store.run(&Complete { holding, fields, cost_micro_usd: 300_000 }).await?;
    anyhow::ensure!(outcome == StepOutcome::JobEnded, "a job of one file has not ended with it: {outcome:?}");
    Ok(())
}
