//! Live streams while everything around them breaks: real `EventSource` clients, in Node and in a browser, record what they
//! saw while jobs are worked on, connections cut, hosts killed, streams trimmed, and Redis replaced by a replica that is
//! behind, in random order. Then each record is held against the streams themselves.

mod check;
mod recorder;
mod stage;
mod truth;

use std::time::Duration;

use image2model_tests::browser::can_browse;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::scale::{dice, patience, scaled};
use recorder::Told;
use stage::{Door, Stage};

/// How long clients may take to see the last of it: they wait 5 s before they connect again, and may have to do so twice.
const LAST_WORDS: Duration = Duration::from_secs(60);

/// How often places are taken from clients that are away, until one of them has been told.
const MORE: usize = 40;

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    /// Every connection through a door breaks.
    Cut,
    /// The same, and before the clients are back, what they have not seen is trimmed.
    CutAndTrim,
    /// A stream host dies.
    Kill,
    /// Streams are trimmed while they are listened to.
    Trim,
    /// Redis dies, and a replica that is behind takes its place.
    FailOver,
    /// Redis dies and comes back.
    Restart,
}

use Mishap::{Cut, CutAndTrim, FailOver, Kill, Restart, Trim};

const MISHAPS: [Mishap; 10] = [Cut, Cut, CutAndTrim, CutAndTrim, Kill, Kill, Trim, FailOver, FailOver, Restart];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_every_client_sees_everything_once() {
    let (seed, mut dice) = dice();
    let mut stage = Stage::open(can_browse().unwrap()).await;
    let mut order = MISHAPS.repeat(scaled(1, 20));
    order.shuffle(&mut dice);
    // First while models are certainly being made, so that places are really gone.
    for mishap in [CutAndTrim, CutAndTrim].into_iter().chain(order) {
        stage.publish().await;
        tokio::time::sleep(Duration::from_millis(dice.random_range(100..1_500))).await;
        happen(&mut stage, mishap, &mut dice).await;
    }
    // On a busy machine nothing may have happened while clients were away: then once more, with clients that do listen.
    for _ in 0..MORE {
        if stage.told().values().any(Told::was_reset) {
            break;
        }
        stage.publish().await;
        stage.until_followed(LAST_WORDS).await;
        happen(&mut stage, CutAndTrim, &mut dice).await;
    }
    if let Err(error) = stage.crew.until_unfinished(0, patience()).await {
        panic!("seed {seed}: {error:#}");
    }
    let told = stage.until_all_closed(LAST_WORDS).await;
    let truth = stage.truth().await;
    let found = check::all(&told, &truth);
    println!("seed {seed}: {} jobs, {} clients, {found:?}", truth.jobs(), told.len());
    assert!(found.wrong.is_empty(), "seed {seed}:\n{}", found.wrong.join("\n"));
    assert!(found.resets > 0 && found.reconnections > 0, "too little happened: {found:?}");
}

async fn happen(stage: &mut Stage, mishap: Mishap, dice: &mut StdRng) {
    let door = if dice.random_bool(0.6) { Door::Plain } else { Door::Encrypted };
    let (host, pause) = (dice.random_range(0..2), Duration::from_millis(dice.random_range(0..800)));
    match mishap {
        Cut => stage.cut(door, host),
        CutAndTrim => {
            stage.cut(door, host);
            tokio::time::sleep(Duration::from_millis(800) + pause).await;
            stage.trim(1).await;
        }
        Kill => stage.kill(door, host),
        Trim => stage.trim(dice.random_range(1..6)).await,
        FailOver => stage.fail_over(pause).await,
        Restart => stage.restart_redis(pause).await,
    }
}
