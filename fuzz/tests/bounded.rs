//! Every target for a bounded time: the whole corpus, then changed inputs. `FUZZ_SECONDS` and `FUZZ_SEED` say how long and
//! which; the seed is the same each time unless it is given, so that a failure here is a change's doing. Looking for new
//! ones is `cargo xtask fuzz`.

use std::time::Duration;

use anyhow::{Context, ensure};
use image2model_fuzz::{TARGETS, fuzz, replay};

/// Where chance starts from.
const SEED: u64 = 1;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn bounded(name: &str) -> anyhow::Result<()> {
    let target = TARGETS.iter().find(|target| target.name == name).context("no such target")?;
    let (seed, seconds) = (number("FUZZ_SEED").unwrap_or(SEED), number("FUZZ_SECONDS").unwrap_or(10));
    println!("{name}: seed {seed}; again with FUZZ_SEED={seed}");
    replay(target)?;
    let report = fuzz(target, seed, Duration::from_secs(seconds))?;
    println!("{name}: {} inputs, {} outcomes", report.runs, report.outcomes);
    ensure!(report.runs > 0 && report.outcomes > 1, "{report:?}");
    Ok(())
}

macro_rules! targets {
    ($($test:ident $name:literal),+ $(,)?) => {
        $(#[test] fn $test() -> anyhow::Result<()> { bounded($name) })+

        #[test]
        fn every_target_is_run() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$($name),+]);
        }
    };
}

targets! {
    multipart "multipart",
    jpeg "jpeg",
    png "png",
    keys "keys",
    last_event_id "last-event-id",
    manifest "manifest",
}
